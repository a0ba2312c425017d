"""What comes before a gRPC call is answered."""

import asyncio

import grpc

from zoo.serving.access import REFUSED, bearer, is_token

# Whose requests arrive at the same time: each may be as large as any until it is there.
_MOST_ARRIVING = 16


def refuse(context, code, message):
    """Ends a call without an answer.

    In place of `context.abort`, whose exception holds the request until Python next
    looks for what refers to itself: that is late for many large ones.
    """
    context.set_code(code)
    context.set_details(message)


class WithToken(grpc.aio.ServerInterceptor):
    """Lets only those through who send the token, as `zoo.serving.access` does."""

    def __init__(self, token):
        self.expected = bearer(token)

    async def intercept_service(self, continuation, details):
        sent = dict(details.invocation_metadata).get("authorization", "")
        if is_token(sent.encode(), self.expected):
            return await continuation(details)
        return grpc.stream_unary_rpc_method_handler(_without_token)


async def _without_token(requests, context):  # none of which is read
    refuse(context, grpc.StatusCode.UNAUTHENTICATED, REFUSED)


class FewArrive(grpc.aio.ServerInterceptor):
    """Lets requests arrive a few at a time, and none for long.

    The one request of a call is read as if it were the first of several: these are
    read when they are asked for.

    Args:
        seconds: float. That a request may take to arrive.
    """

    def __init__(self, seconds):
        self.seconds = seconds
        self.places = asyncio.Semaphore(_MOST_ARRIVING)

    async def intercept_service(self, continuation, details):
        handler = await continuation(details)
        if handler is None:  # there is no such method
            return None

        async def answer(requests, context):
            try:
                async with self.places, asyncio.timeout(self.seconds):
                    # Not from the iterator, which would keep it too.
                    request = await context.read()
            except TimeoutError:
                message = f"The request did not arrive within {self.seconds:g} seconds."
                return refuse(context, grpc.StatusCode.DEADLINE_EXCEEDED, message)
            if request is grpc.aio.EOF:
                message = "The call has no request. Send one."
                return refuse(context, grpc.StatusCode.INVALID_ARGUMENT, message)
            return await handler.unary_unary(request, context)

        return grpc.stream_unary_rpc_method_handler(
            answer, handler.request_deserializer, handler.response_serializer
        )
