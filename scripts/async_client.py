"""Write the client that awaits, from the one that blocks: `python scripts/async_client.py`."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

SDK = Path(__file__).parents[1] / "sdk" / "python" / "scheduler_sdk"
PAIRS = (
    (SDK / "client.py", SDK / "async_client.py"),
    (SDK / "client_backfills.py", SDK / "async_client_backfills.py"),
    (SDK / "client_graph.py", SDK / "async_client_graph.py"),
    (SDK / "client_locks.py", SDK / "async_client_locks.py"),
    (SDK / "client_diagnosis.py", SDK / "async_client_diagnosis.py"),
    (SDK / "client_times.py", SDK / "async_client_times.py"),
    (SDK / "client_sinks.py", SDK / "async_client_sinks.py"),
    (SDK / "client_operations.py", SDK / "async_client_operations.py"),
    (SDK / "client_webhooks.py", SDK / "async_client_webhooks.py"),
)

# The first sentence of each file, in the twin.
TITLES = {
    "client that blocks": "client that awaits",
    "REST API that blocks: what a script or the command line uses": "REST API that awaits: `Client`, call for call",
}


def _title(found: re.Match[str]) -> str:
    title = found[1]
    for ours, theirs in TITLES.items():
        title = title.replace(ours, theirs)
    return f'"""{title}. Made by scripts/async_client.py."""'


# In this order. A method that hands on an iterator stays as it is, one that is a generator becomes an async one.
CHANGES = (
    (r'^"""(.*?)\."""', _title),
    (r"\bimport time\b", "import asyncio"),
    (r"class Client\b", "class AsyncClient"),
    (r"\b([A-Z][a-z]+)Calls\b", r"Async\1Calls"),
    (r"scheduler_sdk\.client_(?!calls|errors|http)(\w+)", r"scheduler_sdk.async_client_\1"),
    (r"httpx\.(Client|BaseTransport)\b", lambda found: f"httpx.Async{found[1]}"),
    (r"\bIterator\b", "AsyncIterator"),
    (r"__(enter|exit)__", lambda found: f"__a{found[1]}__"),
    (r"    def (?=(?!__init__)\w+\()", "    async def "),
    (r"async (def [a-z]\w*\([^:]*?(?:: [^:]*?)*?\) -> AsyncIterator)", r"\1"),
    (r"async (def _pages\([^)]*\) -> AsyncIterator\[T\]: \.\.\.)", r"\1"),
    (r"a `with` block", "an `async with` block"),
    (r"self\.(close|_send|task)\(", r"await self.\1("),
    (r"self\._http\.close\(", "await self._http.aclose("),
    (r"self\._http\.send\(", "await self._http.send("),
    (r"answer\.read\(", "await answer.aread("),
    (r"answer\.close\(", "await answer.aclose("),
    (r"for text in answer\.iter_lines", "async for text in answer.aiter_lines"),
    (r"for line in self\._stream", "async for line in self._stream"),
    (r"time\.sleep\(", "await asyncio.sleep("),
    (r'yield from page\["items"\]', 'for item in page["items"]:\n                yield item'),
    (r'await (self\._send\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\))\[', r"(await \1)["),
)  # fmt: skip


def twin(source: str) -> str:
    """The text of the client that awaits."""
    for pattern, change in CHANGES:
        source = re.sub(pattern, change, source, flags=re.DOTALL)
    return source


def main() -> None:
    """Write it, in the project's style."""
    ruff = [sys.executable, "-m", "ruff"]
    for source, target in PAIRS:
        target.write_text(twin(source.read_text()))
        for step in (["format"], ["check", "--fix"], ["format"]):
            subprocess.run([*ruff, *step, "--quiet", target], check=True)


if __name__ == "__main__":
    main()
