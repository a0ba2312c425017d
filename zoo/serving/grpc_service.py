"""TensorFlow Serving's gRPC API: Predict, GetModelMetadata and GetModelStatus.

<https://github.com/tensorflow/serving/blob/master/tensorflow_serving/apis/prediction_service.proto>
"""

import asyncio
import math
import time

import grpc
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2, types_pb2
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from zoo.serving.asking import (
    UNFIT,
    UnknownSignatureError,
    ask,
    in_words,
    off_the_loop,
)
from zoo.serving.batching import DeadlineError, OverloadedError
from zoo.serving.bodies import Room
from zoo.serving.interceptors import FewArrive, WithToken, refuse
from zoo.serving.models import NotFoundError
from zoo.serving.version import DEFAULT_SIGNATURE

_METADATA = "signature_def"  # the only kind that there is
# Where TensorFlow Serving puts an answer's values, and where its clients read them.
_FIELDS = {
    "float32": "float_val",
    "float64": "double_val",
    "bool": "bool_val",
    "int64": "int64_val",
    "uint32": "uint32_val",
    "uint64": "uint64_val",
    **dict.fromkeys(("int8", "int16", "int32", "uint8", "uint16"), "int_val"),
}
# Characters of a message: what is longer than a header's 16 KiB never arrives.
_MESSAGE = 1000
# Of a tensor: one value in a message may stand for so many.
_MOST_ELEMENTS = 2**22
# At the same time, as `zoo.serving.connection` has connections.
_MOST_CALLS = 512
_CODES = {
    NotFoundError: grpc.StatusCode.NOT_FOUND,
    UnknownSignatureError: grpc.StatusCode.FAILED_PRECONDITION,
    OverloadedError: grpc.StatusCode.UNAVAILABLE,  # which clients try again
    DeadlineError: grpc.StatusCode.DEADLINE_EXCEEDED,
    **dict.fromkeys(UNFIT, grpc.StatusCode.INVALID_ARGUMENT),
}


def grpc_server(models, bounds, address, token=None, shares=False):
    """A `grpc.aio.Server` that answers for the models, not started yet.

    Args:
        models: `zoo.serving.models.Models`.
        bounds: `zoo.serving.bounds.Bounds`.
        address: str, such as `"127.0.0.1:8500"`.
        token: str that clients must send, see `zoo.serving.access`.
        shares: bool. Whether other processes of this user may listen there too; the
            system gives each of them a part of the connections (Linux).
    """
    server = grpc.aio.server(
        interceptors=[WithToken(token)] * (token is not None)
        + [FewArrive(bounds.seconds)],
        options=[
            ("grpc.max_receive_message_length", bounds.body_bytes),
            ("grpc.so_reuseport", int(shares)),
        ],
        maximum_concurrent_rpcs=_MOST_CALLS,
    )
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
        _PredictionService(models, bounds), server
    )
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(
        _ModelService(models), server
    )
    server.add_insecure_port(address)
    return server


async def _not_served(service, request, context):
    message = "This server has Predict, GetModelMetadata and GetModelStatus. Ask these."
    refuse(context, grpc.StatusCode.UNIMPLEMENTED, message)


class _PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    Classify = Regress = MultiInference = _not_served

    def __init__(self, models, bounds):
        self.models = models
        self.bounds = bounds
        self.room = Room(bounds.body_bytes)

    async def Predict(self, request, context):  # noqa: N802 (the service's name)
        begin, code = time.monotonic(), grpc.StatusCode.UNKNOWN
        try:
            with self.room.place() as holds:
                predicted = self._predict(request, context, holds)
                answer = await _answered(predicted, context)
            code = context.code() or grpc.StatusCode.OK
            return answer
        except asyncio.CancelledError:
            code = grpc.StatusCode.CANCELLED
            raise
        finally:
            self._count(request.model_spec.name, code, begin)

    async def GetModelMetadata(self, request, context):  # noqa: N802
        return await _answered(self._metadata(request), context)

    def _count(self, name, code, begin):
        name = name if name in self.models.names() else ""
        seconds = time.monotonic() - begin
        self.models.metrics.answered(name, "Predict", code.name, seconds)

    async def _predict(self, request, context, holds):
        num_bytes = request.ByteSize()
        holds(num_bytes)
        remaining = context.time_remaining()
        seconds = self.bounds.seconds
        seconds = seconds if remaining is None else min(seconds, remaining)
        name = request.model_spec.signature_name or DEFAULT_SIGNATURE
        version, outputs = await ask(
            self.models,
            _target(request.model_spec),
            name,
            num_bytes,
            lambda specs: _arrays(request.inputs, specs),
            self.bounds.rows,
            time.monotonic() + seconds,
        )
        wanted = list(request.output_filter) or list(outputs)
        if missing := set(wanted) - set(outputs):
            raise ValueError(
                f"output_filter names {sorted(missing)}; there are {sorted(outputs)}."
            )
        response = predict_pb2.PredictResponse()
        _describe(response.model_spec, request.model_spec.name, version, name)
        outputs = {output: outputs[output] for output in wanted}
        size = sum(array.nbytes for array in outputs.values())
        await off_the_loop(size, _fill, response, outputs)
        return response

    async def _metadata(self, request):
        if set(request.metadata_field) != {_METADATA}:
            raise ValueError(
                f"metadata_field must be [{_METADATA!r}], got "
                f"{list(request.metadata_field)}."
            )
        version = self.models.get(*_target(request.model_spec))
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        _describe(response.model_spec, request.model_spec.name, version)
        response.metadata[_METADATA].Pack(version.signature_defs)
        return response


class _ModelService(model_service_pb2_grpc.ModelServiceServicer):
    HandleReloadConfigRequest = _not_served

    def __init__(self, models):
        self.models = models

    async def GetModelStatus(self, request, context):  # noqa: N802
        return await _answered(self._status(request.model_spec), context)

    async def _status(self, spec):
        response = get_model_status_pb2.GetModelStatusResponse()
        states = get_model_status_pb2.ModelVersionStatus.State
        for status in self.models.statuses(*_target(spec)):
            added = response.model_version_status.add()
            added.version = status.version
            added.state = states.Value(status.state)
            if status.error:
                added.status.error_code = grpc.StatusCode.UNKNOWN.value[0]
                added.status.error_message = status.error
        return response


async def _answered(answer, context):
    """What `answer` gives, or in gRPC's codes why there is none."""
    try:
        return await answer
    except tuple(_CODES) as error:
        kind = next(kind for kind in _CODES if isinstance(error, kind))
        return refuse(context, _CODES[kind], in_words(error)[:_MESSAGE])


def _target(spec):
    """(name, version or None, label or None)"""
    if not spec.name:
        raise ValueError("ModelSpec has no name specified.")
    choice = spec.WhichOneof("version_choice")
    return (
        spec.name,
        spec.version.value if choice == "version" else None,
        spec.version_label if choice == "version_label" else None,
    )


def _describe(spec, name, version, signature_name=""):
    spec.name = name
    spec.version.value = version.number
    spec.signature_name = signature_name


def _fill(response, outputs):
    for name, array in outputs.items():
        response.outputs[name].CopyFrom(_proto(array))


def _proto(array):
    """A tensor whose values are in the field of their type, not in tensor_content."""
    field = _FIELDS.get(array.dtype.name)
    if field is None:  # strings are where they belong; of others clients know less
        return tf.make_tensor_proto(array)
    proto = tensor_pb2.TensorProto(
        dtype=tf.dtypes.as_dtype(array.dtype).as_datatype_enum,
        tensor_shape=tf.TensorShape(array.shape).as_proto(),
    )
    getattr(proto, field).extend(array.ravel().tolist())
    return proto


def _arrays(protos, specs):
    """The inputs of a signature from a request's tensors."""
    if set(protos) != set(specs):
        raise ValueError(
            f"The request has {sorted(protos)}, and this signature takes "
            f"{sorted(specs)}."
        )
    return {name: _array(name, protos[name], spec) for name, spec in specs.items()}


def _array(name, proto, spec):
    shape = [dim.size for dim in proto.tensor_shape.dim]
    if min(shape, default=0) < 0 or math.prod(shape) > _MOST_ELEMENTS:
        raise ValueError(
            f"{name!r} is of shape {shape}. A tensor may have {_MOST_ELEMENTS:,} "
            "elements."
        )
    if proto.dtype != spec.dtype.as_datatype_enum:
        known = types_pb2.DataType.DESCRIPTOR.values_by_number.get(proto.dtype)
        found = known.name if known else f"the type {proto.dtype}"
        raise ValueError(f"{name!r} must hold {spec.dtype.name}, got {found}.")
    if not spec.shape.is_compatible_with(shape):
        raise ValueError(f"{name!r} must be of shape {spec.shape}, got {shape}.")
    if len(proto.string_val) != (math.prod(shape) if spec.dtype == tf.string else 0):
        # One that stands for all, or none, would be copied for each.
        raise ValueError(
            f"{name!r} has {len(proto.string_val)} strings, but its shape is {shape}."
        )
    try:
        return tf.make_ndarray(proto)
    except (OverflowError, TypeError) as error:
        raise ValueError(
            f"{name!r} is no {spec.dtype.name} tensor: {error}."
        ) from error
