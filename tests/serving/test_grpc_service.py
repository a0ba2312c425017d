"""TensorFlow Serving's gRPC services, asked with its published stubs."""

import asyncio
import concurrent.futures

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.framework import types_pb2
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)

from tests.serving import small_models
from zoo.serving import interceptors
from zoo.serving.batching import Limits, OverloadedError
from zoo.serving.bounds import Bounds
from zoo.serving.grpc_service import grpc_server
from zoo.serving.models import Models

TOKEN = "0123456789abcdef"
NOT_SERVED = ("UNIMPLEMENTED", "has Predict, GetModelMetadata and GetModelStatus")
NO_NAME = ("INVALID_ARGUMENT", "ModelSpec has no name specified.")
METADATA = get_model_metadata_pb2.GetModelMetadataRequest(
    metadata_field=["signature_def"]
)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved_models")
    small_models.write(folder / "shout" / "1", mark="?")
    small_models.write(folder / "shout" / "2")
    models = Models(folder, Limits(), {("shout", "old"): 1})
    models.refresh()
    yield models
    models.stop()


@pytest.fixture
def call(models, unused_ports):
    """Sends a request to a server that is there for it."""

    def call(method, request, token=None, metadata=None, bounds=None, **options):
        async def exchange():
            address = f"127.0.0.1:{unused_ports[0]}"
            server = grpc_server(models, bounds or Bounds(), address, token)
            await server.start()
            async with grpc.aio.insecure_channel(address) as channel:
                predictions = prediction_service_pb2_grpc.PredictionServiceStub(channel)
                status = model_service_pb2_grpc.ModelServiceStub(channel)
                stub = predictions if hasattr(predictions, method) else status
                sent = getattr(stub, method)(
                    request, timeout=20, metadata=metadata, **options
                )
                try:
                    return await sent
                finally:
                    await server.stop(None)

        return asyncio.run(exchange())

    return call


def described(request, name="shout", **spec):
    request.model_spec.name = name
    if version := spec.pop("version", None):
        request.model_spec.version.value = version
    for key, value in spec.items():
        setattr(request.model_spec, key, value)
    return request


def predict(inputs, **spec):
    request = described(predict_pb2.PredictRequest(), **spec)
    for name, value in inputs.items():
        is_proto = hasattr(value, "tensor_shape")
        proto = value if is_proto else tf.make_tensor_proto(value)
        request.inputs[name].CopyFrom(proto)
    return request


def arrays(response):
    return {name: tf.make_ndarray(proto) for name, proto in response.outputs.items()}


def test_predict(call):
    response = call("Predict", predict({"text": ["a", "bc"]}))
    found = arrays(response)
    assert found["translation"].tolist() == [b"A!", b"BC!"]
    np.testing.assert_array_equal(found["score"], np.array([1, 2], np.float32))
    spec = response.model_spec
    assert (spec.name, spec.version.value) == ("shout", 2)
    assert spec.signature_name == "serving_default"


def test_values_are_in_the_fields_that_clients_read(call):
    outputs = call("Predict", predict({"text": ["a", "", "bc"]})).outputs
    assert list(outputs["score"].float_val) == [1, 0, 2]
    request = predict({"text": ["a", ""]}, signature_name="start")
    outputs = call("Predict", request).outputs
    assert list(outputs["finished"].bool_val) == [False, True]
    assert list(outputs["rest"].string_val) == [b"a", b""]
    request = predict({"text": ["a"] * 3}, signature_name="steps")
    steps = call("Predict", request).outputs["steps"]
    assert len(steps.int_val) == 3 and steps.tensor_shape.dim[0].size == 3
    assert not steps.tensor_content


def test_versions_labels_signatures_and_a_choice_of_outputs(call):
    for which in ({"version": 1}, {"version_label": "old"}):
        found = arrays(call("Predict", predict({"text": ["a"]}, **which)))
        assert found["translation"].tolist() == [b"A?"]
    inputs = {"text": ["ab", "c"], "times": np.array([2, 0], np.int32)}
    found = arrays(call("Predict", predict(inputs, signature_name="repeat")))
    assert found["repeated"].tolist() == [b"abab", b""]
    request = predict({"text": ["a"]})
    request.output_filter.append("score")
    assert set(arrays(call("Predict", request))) == {"score"}


def large():
    """One value that stands for many."""
    proto = tf.make_tensor_proto(["a"])
    proto.tensor_shape.dim[0].size = 10**12
    return proto


def standing_for_many():
    proto = tf.make_tensor_proto(["a"])
    proto.tensor_shape.dim[0].size = 1_000
    return proto


def negative():
    proto = tf.make_tensor_proto(["a"])
    proto.tensor_shape.dim[0].size = -1
    return proto


def short():
    """Fewer bytes than its shape needs."""
    proto = tf.make_tensor_proto(np.arange(4, dtype=np.int32))
    proto.tensor_content = proto.tensor_content[:-1]
    return proto


def of_nothing():
    """A shape of strings without one."""
    proto = tf.make_tensor_proto(["a"])
    proto.ClearField("string_val")
    proto.tensor_shape.dim[0].size = 1000
    return proto


def of_type(number):
    proto = tf.make_tensor_proto(["a"])
    proto.dtype = number
    return proto


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        (predict({"text": ["a"]}, name="half"), "NOT_FOUND", r"Latest(half)"),
        (predict({"text": ["a"]}, version=7), "NOT_FOUND", "Specific(shout, 7)"),
        (predict({"text": ["a"]}, version_label="x"), "INVALID_ARGUMENT", "label: x"),
        (predict({"text": ["bad"]}), "INVALID_ARGUMENT", "a bad text"),
        (predict({"text": ["a"]}, name=""), "INVALID_ARGUMENT", "has no name speci"),
        (predict({}), "INVALID_ARGUMENT", "has [], and this signature takes ['text']"),
        (predict({"texts": ["a"]}), "INVALID_ARGUMENT", "has ['texts'], and this"),
        (predict({"text": [1]}), "INVALID_ARGUMENT", "must hold string, got DT_INT32"),
        (predict({"text": "a"}), "INVALID_ARGUMENT", "must be of shape (None,)"),
        (predict({"text": large()}), "INVALID_ARGUMENT", "may have 4,194,304 elem"),
        (predict({"text": negative()}), "INVALID_ARGUMENT", "is of shape [-1]"),
        (
            predict({"text": standing_for_many()}),
            *("INVALID_ARGUMENT", "has 1 strings, but its shape is [1000]"),
        ),
        (
            predict({"text": of_nothing()}),
            *("INVALID_ARGUMENT", "has 0 strings, but its shape is [1000]"),
        ),
        (predict({"text": of_type(20)}), "INVALID_ARGUMENT", "got DT_RESOURCE"),
        (predict({"text": of_type(0)}), "INVALID_ARGUMENT", "got DT_INVALID"),
        (predict({"text": of_type(999)}), "INVALID_ARGUMENT", "got the type 999"),
        (predict({"text": ["a"]}, name="n" * 20_000), "NOT_FOUND", "Latest(nnn"),
        (
            predict({"text": ["a"] * 4, "times": short()}, signature_name="repeat"),
            *("INVALID_ARGUMENT", ""),
        ),
        (
            predict({"text": ["a"]}, signature_name="none"),
            *("FAILED_PRECONDITION", '"none" not found'),
        ),
    ],
)
def test_what_cannot_be_predicted(call, request_, code, message):
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        call("Predict", request_)
    assert raised.value.code().name == code
    assert message in raised.value.details()


def test_no_rows_give_no_rows(call):
    no_text = tf.make_tensor_proto([], tf.string, shape=[0])
    response = call("Predict", predict({"text": no_text}))
    assert arrays(response)["translation"].tolist() == []


@pytest.mark.parametrize(
    ("method", "request_", "code", "message"),
    [
        ("Classify", classification_pb2.ClassificationRequest(), *NOT_SERVED),
        ("Regress", regression_pb2.RegressionRequest(), *NOT_SERVED),
        ("MultiInference", inference_pb2.MultiInferenceRequest(), *NOT_SERVED),
        (
            "HandleReloadConfigRequest",
            model_management_pb2.ReloadConfigRequest(),
            *NOT_SERVED,
        ),
        ("GetModelStatus", get_model_status_pb2.GetModelStatusRequest(), *NO_NAME),
        ("GetModelMetadata", METADATA, *NO_NAME),
    ],
)
def test_what_cannot_be_called(call, caplog, method, request_, code, message):
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        call(method, request_)
    assert (raised.value.code().name, message in raised.value.details()) == (code, True)
    assert caplog.text == ""


def test_requests_arrive_a_few_at_a_time_and_none_for_long(
    models, unused_ports, monkeypatch
):
    monkeypatch.setattr(interceptors, "_MOST_ARRIVING", 1)

    async def exchange():
        address = f"127.0.0.1:{unused_ports[0]}"
        server = grpc_server(models, Bounds(seconds=2.0), address)
        await server.start()
        async with grpc.aio.insecure_channel(address) as channel:
            method = "/tensorflow.serving.PredictionService/Predict"
            late = channel.stream_unary(method)(timeout=20)
            await late.wait_for_connection()
            empty = channel.stream_unary(method)(timeout=20)
            await empty.done_writing()
            stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
            answer = await stub.Predict(predict({"text": ["a"]}), timeout=20)
            refused = []
            for each in (late, empty):
                with pytest.raises(grpc.aio.AioRpcError) as raised:
                    await each
                refused.append((raised.value.code().name, raised.value.details()))
        await server.stop(None)
        return arrays(answer), refused

    answer, refused = asyncio.run(exchange())
    assert answer["translation"].tolist() == [b"A!"]
    assert refused == [
        ("DEADLINE_EXCEEDED", "The request did not arrive within 2 seconds."),
        ("INVALID_ARGUMENT", "The call has no request. Send one."),
    ]


def test_an_output_that_is_not_there(call):
    request = predict({"text": ["a"]})
    request.output_filter.append("none")
    with pytest.raises(grpc.aio.AioRpcError, match="output_filter names .'none'."):
        call("Predict", request)


def test_time_and_size_are_bounded(call, models, monkeypatch):
    def never(inputs, deadline):
        return concurrent.futures.Future()

    batcher = models.get("shout").signatures["serving_default"].batcher
    monkeypatch.setattr(batcher, "submit", never)
    with pytest.raises(grpc.aio.AioRpcError, match="took longer than a") as raised:
        call("Predict", predict({"text": ["a"]}), bounds=Bounds(seconds=1.0))
    assert raised.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        call("Predict", predict({"text": ["a" * 99]}), bounds=Bounds(body_bytes=50))
    assert raised.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED


def test_what_is_asked_is_counted(call, models):
    call("Predict", predict({"text": ["a"]}))
    for request in (predict({"texts": ["a"]}), predict({}, name="half")):
        with pytest.raises(grpc.aio.AioRpcError):
            call("Predict", request)
    text = models.metrics.text().decode()
    labels = '{action="Predict",model="%s",status="%s"}'
    for name, status in (
        *(("shout", "OK"), ("shout", "INVALID_ARGUMENT")),
        ("", "NOT_FOUND"),
    ):
        assert "zoo_requests_total" + labels % (name, status) in text


def test_too_many_are_to_come_again(call, models, monkeypatch):
    def full(inputs, deadline):
        raise OverloadedError

    batcher = models.get("shout").signatures["serving_default"].batcher
    monkeypatch.setattr(batcher, "submit", full)
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        call("Predict", predict({"text": ["a"]}))
    assert raised.value.code() == grpc.StatusCode.UNAVAILABLE


def test_status(call):
    request = described(get_model_status_pb2.GetModelStatusRequest())
    found = call("GetModelStatus", request).model_version_status
    assert [(each.version, each.state) for each in found] == [(2, 30), (1, 30)]
    request = described(get_model_status_pb2.GetModelStatusRequest(), version=1)
    (found,) = call("GetModelStatus", request).model_version_status
    assert found.version == 1 and found.status.error_code == 0
    request = described(get_model_status_pb2.GetModelStatusRequest(), name="half")
    with pytest.raises(grpc.aio.AioRpcError, match="any versions of model half"):
        call("GetModelStatus", request)


def test_metadata(call):
    request = described(get_model_metadata_pb2.GetModelMetadataRequest())
    with pytest.raises(grpc.aio.AioRpcError, match="must be .'signature_def'."):
        call("GetModelMetadata", request)
    request.metadata_field.append("signature_def")
    response = call("GetModelMetadata", request)
    assert response.model_spec.version.value == 2
    definitions = get_model_metadata_pb2.SignatureDefMap()
    assert response.metadata["signature_def"].Unpack(definitions)
    inputs = definitions.signature_def["serving_default"].inputs
    assert inputs["text"].dtype == types_pb2.DT_STRING


def test_a_token_guards_it_too(call):
    for metadata in (None, [("authorization", "Bearer x")]):
        with pytest.raises(grpc.aio.AioRpcError, match="wants a token"):
            call("Predict", predict({"text": ["a"]}), TOKEN, metadata)
    metadata = [("authorization", f"Bearer {TOKEN}")]
    found = arrays(call("Predict", predict({"text": ["a"]}), TOKEN, metadata))
    assert found["translation"].tolist() == [b"A!"]
