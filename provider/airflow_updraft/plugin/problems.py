"""A route's errors: a kind for the worker, words for a person, never SQL."""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from fastapi import HTTPException, Request
from fastapi.responses import JSONResponse

from airflow_updraft.discreet import describe
from airflow_updraft.errors import (
    CollectionsFileError,
    StoreNotConfiguredError,
    StoreRefusedError,
    UpdraftError,
)

log = logging.getLogger(__name__)

BUSY_RETRY_SECONDS = (1, 5)
STORE_RETRY_SECONDS = 5
SETUP_RETRY_SECONDS = 30


class RouteError(Exception):
    """An answer other than 200: ``{"detail": {"kind", "message"}}``; ``retry_after`` in seconds."""

    def __init__(
        self, status: int, kind: str, message: str, retry_after: int | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.retry_after = retry_after

    def as_response(self) -> JSONResponse:
        """The HTTP answer."""
        headers = {"Cache-Control": "no-store"}
        if self.retry_after is not None:
            headers["Retry-After"] = str(self.retry_after)
        return JSONResponse(
            {"detail": {"kind": self.kind, "message": str(self)}}, self.status, headers
        )


def busy(message: str, retry_after: int | None = None) -> RouteError:
    """Return "too much at once", with another moment for each caller: none come back together."""
    if retry_after is None:
        retry_after = random.randint(*BUSY_RETRY_SECONDS)  # noqa: S311
    return RouteError(503, "busy", message, retry_after)


@contextmanager
def explained() -> Iterator[None]:
    """Turn any error in the block into a RouteError; the log keeps the hidden part."""
    try:
        yield
    except (RouteError, HTTPException):
        raise
    except Exception as error:
        problem = problem_of(error)
        # Without a cause: a log must not show the error that led here.
        raise problem from None


def problem_of(error: Exception) -> RouteError:
    """Translate an error for the caller, and log the error if someone must look."""
    match error:
        case StoreNotConfiguredError() | StoreRefusedError():
            log.error("%s", error)
            return RouteError(503, error.kind, str(error), SETUP_RETRY_SECONDS)
        case CollectionsFileError():
            log.error("%s", error)
            return RouteError(503, "collections", str(error), SETUP_RETRY_SECONDS)
        case UpdraftError():
            log.error("%s: %s", error.kind, error)
            return RouteError(503, "store", str(error), SETUP_RETRY_SECONDS)
        case sa.exc.TimeoutError():
            return busy("every connection to the store is in use: try again")
        case sa.exc.SQLAlchemyError():
            log.error("the database does not answer: %s", describe(error))
            return RouteError(
                503, "store", "the database does not answer: try again", STORE_RETRY_SECONDS
            )
        case _:
            # Nobody knows the quotes of this error: only kind and place are logged, which is where
            # to look.
            log.error("an error nobody expected: %s", describe(error))
            return RouteError(
                503, "internal", "the server failed; its log says why", SETUP_RETRY_SECONDS
            )


async def answer_problem(_: Request, error: Exception) -> JSONResponse:
    """FastAPI's handler for RouteError, and for errors raised before a route's own code."""
    return (error if isinstance(error, RouteError) else problem_of(error)).as_response()
