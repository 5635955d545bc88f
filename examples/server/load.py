"""Texts/s of the server under load, beside those of model.predict in one process.

python load.py emotion.onnx texts.txt

Rounds of the two take turns on the same texts, while the other one is idle, and every answer of the
server is compared with that of predict. The connections, their encoding and comparison run on the
same cores as the server.
"""

import argparse
import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import limen

HERE = Path(__file__).parent
Answers = list[dict[str, Any]]


@contextmanager
def served(file: Path) -> Iterator[int]:
    """Run the server on a free port, which is yielded once it answers."""
    command = [sys.executable, "-m", "uvicorn", "app:app", "--port", "0", "--no-access-log"]
    environment = {**os.environ, "LIMEN_FILE": str(file.resolve())}
    process = subprocess.Popen(  # noqa: S603
        command, cwd=HERE, env=environment, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stderr is not None  # noqa: S101
        said = ""
        for line in process.stderr:
            said += line
            if "running on" in line:
                yield int(line.partition("http://127.0.0.1:")[2].split()[0])
                return
        sys.exit(f"the server did not start:\n{said}")
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate()


async def ask(port: int, texts: list[str], connections: int) -> tuple[Answers, list[float]]:
    """Return the answers, in order, and how long each one took in seconds."""
    answers: Answers = [{}] * len(texts)
    seconds = [0.0] * len(texts)
    left = iter(range(len(texts)))

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for place in left:
            start = time.perf_counter()
            answers[place] = await exchange(reader, writer, texts[place])
            seconds[place] = time.perf_counter() - start
        writer.close()
        await writer.wait_closed()

    async with asyncio.TaskGroup() as group:
        for _ in range(connections):
            group.create_task(client())
    return answers, seconds


async def exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, text: str
) -> dict[str, Any]:
    """Ask about one text over an open connection (HTTP/1.1)."""
    body = json.dumps({"text": text}).encode()
    head = (
        "POST /decide HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body)
    headers = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    content = await reader.readexactly(int(headers.partition("content-length:")[2].split()[0]))
    if not headers.startswith("http/1.1 200"):
        sys.exit(f"the server refused a text: {content.decode()}")
    found: dict[str, Any] = json.loads(content)
    return found


def main() -> None:
    """Measure in rounds and print medians."""
    parser = argparse.ArgumentParser(description="texts/s of the server, beside model.predict")
    parser.add_argument("file", type=Path, help="a classifier file")
    parser.add_argument("texts", type=Path, help="texts, one a line")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    lines = [line[:20_000] for line in asked.texts.read_text("utf-8").splitlines() if line]
    rates, ratios, waits = [], [], []
    with limen.load(asked.file) as model, served(asked.file) as port:
        for number in range(asked.rounds):
            # No text twice: the server remembers the ones it has seen.
            texts = [f"{number}.{place} {line}"[:20_000] for place, line in enumerate(lines)]
            start = time.perf_counter()
            expected = [found.to_dict() for found in model.predict(texts)]
            alone = time.perf_counter() - start
            start = time.perf_counter()
            answers, seconds = asyncio.run(ask(port, texts, asked.connections))
            under_load = time.perf_counter() - start
            if answers != expected:
                sys.exit("the server decided otherwise than predict")
            rates.append(len(texts) / under_load)
            ratios.append(alone / under_load)
            waits += seconds
    cuts = statistics.quantiles(waits, n=100)
    print(f"{asked.rounds} rounds of {len(lines):,} texts, {asked.connections} connections")
    print(f"server      {statistics.median(rates):,.0f} texts/s, all as predict decides")
    print(f"            p50 {cuts[49] * 1e3:.1f} ms, p99 {cuts[98] * 1e3:.1f} ms for a text")
    print(
        f"of predict  {statistics.median(ratios):.2f} of its texts/s "
        f"({min(ratios):.2f} - {max(ratios):.2f})"
    )


if __name__ == "__main__":
    main()
