"""A server that decides.

LIMEN_FILE=emotion.onnx uvicorn app:app
curl -s localhost:8000/decide -H 'Content-Type: application/json' -d '{"text": "what a day"}'
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import limen
from fastapi import FastAPI, HTTPException, Request
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


@app.post("/decide")
async def decide(question: Question, request: Request) -> dict[str, Any]:
    """Labels and scores of one text."""
    try:
        found = await request.app.state.model.predict_async(question.text)
    except limen.InputError as error:
        raise HTTPException(422, str(error)) from error
    return dict(found.to_dict())


@app.get("/health")
async def health(request: Request) -> dict[str, Any]:
    """Whether the model is open, and what it decides between."""
    return {"labels": request.app.state.model.labels}
