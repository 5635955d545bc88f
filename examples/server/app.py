"""A server that decides.

LIMEN_FILE=emotion.onnx uvicorn app:app
curl -s localhost:8000/decide -H 'Content-Type: application/json' -d '{"text": "what a day"}'
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import limen
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field


class Question(BaseModel):
    """A text to decide about."""

    text: str = Field(max_length=20_000)


@asynccontextmanager
async def opened(app: FastAPI) -> AsyncIterator[None]:
    """Hold the model open while the server runs."""
    with limen.load(os.environ["LIMEN_FILE"], cache=10_000) as model:
        app.state.model = model
        yield


app = FastAPI(title="limen", lifespan=opened)


@app.exception_handler(RequestValidationError)
async def refused(_: Request, error: RequestValidationError) -> JSONResponse:
    """Say what is wrong with a request. FastAPI's own answer repeats the text, and fails on one
    that is not Unicode.
    """
    told = [{key: part[key] for key in ("loc", "msg", "type")} for part in error.errors()]
    return JSONResponse({"detail": told}, status_code=422)


@app.post("/decide")
async def decide(question: Question, request: Request) -> dict[str, Any]:
    """Labels and scores of one text."""
    model: limen.Model = request.app.state.model
    return dict((await model.predict_async(question.text)).to_dict())


@app.get("/health")
async def health(request: Request) -> dict[str, Any]:
    """Whether the model is open, and what it decides between."""
    return {"labels": request.app.state.model.labels}
