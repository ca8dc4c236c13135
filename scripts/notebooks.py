"""Runs and compares the notebooks: jupytext reads the .ts source, nbclient drives the real kernel.

    notebooks.py run JOB      executes notebooks; prints one JSON event per line. JOB = {"sources": [...],
                              "folder": where the kernel works, "out": where the executed copies go, "keepGoing": bool}
    notebooks.py drift FILE…  prints one line for each way in which FILE.ipynb is not the executed FILE.ts
    notebooks.py current FOLDER FILE…  prints the name of each FILE whose copy in FOLDER is the executed FILE.ts
"""

import asyncio
import hashlib
import json
import os
import re
import signal
import sys
from pathlib import Path
from queue import Empty
from time import monotonic

signal.signal(signal.SIGINT, signal.SIG_DFL)  # until a kernel runs, Ctrl-C just ends us

import jupytext
import nbformat
from parent import watch_parent
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError

PROGRESS = "application/x-curious-progress+json"
# tslab reports what nobody awaited as text on stderr and carries on; for us it is a failed cell.
UNAWAITED = ("UnhandledPromiseRejection:", "UncaughtException:")
METADATA = {
    "kernelspec": {"display_name": "TypeScript (curious-inside)", "language": "typescript", "name": "tslab"},
    # Word for word what the kernel says of itself, or opening a notebook in JupyterLab would already change it.
    "language_info": {
        "codemirror_mode": {"mode": "typescript", "name": "javascript", "typescript": True},
        "file_extension": ".ts",
        "mimetype": "text/typescript",
        "name": "typescript",
        "version": "3.7.2",
    },
}


def emit(kind, **fields):
    print(json.dumps({"type": kind, **fields}), flush=True)


def read_source(path):
    """The notebook a .ts file describes. Cell ids follow from the content: an executed copy differs only where its source does."""
    notebook = jupytext.read(path, fmt="ts:percent")
    notebook.metadata = nbformat.from_dict(METADATA)
    seen = {}
    for cell in notebook.cells:
        name = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:8]
        seen[name] = seen.get(name, 0) + 1
        cell.id = name if seen[name] == 1 else f"{name}-{seen[name]}"
    return notebook


def is_code(cell):
    return cell.cell_type == "code" and bool(cell.source.strip())


def first_lines(path, notebook):
    """Line (from 1) of each cell's first line in the .ts source, by cell id. Code cells stand there word for word."""
    lines, at, found = Path(path).read_text(encoding="utf-8").splitlines(), 0, {}
    for cell in filter(is_code, notebook.cells):
        block = cell.source.splitlines()
        start = next((i for i in range(at, len(lines)) if lines[i : i + len(block)] == block), at)
        found[cell.id], at = start + 1, start + len(block)
    return found


def write(notebook, path):
    """Whole or not at all: an interrupted run leaves a readable copy."""
    partial = path.with_suffix(".partial")
    nbformat.write(notebook, partial)
    os.replace(partial, path)


class Failure(Exception):
    """What the kernel said when a cell failed."""


class KernelEnded(Failure):
    """Its last words, if any, are in the log."""


class Client(NotebookClient):
    """nbclient, which here also knows what tslab leaves out or says in its own way."""

    def __init__(self, notebook, on_signal, **options):
        super().__init__(notebook, record_timing=False, timeout=None, startup_timeout=120, shutdown_kernel="immediate", **options)
        self.on_signal = on_signal
        self.stderr_text = []  # of the running cell, message by message

    async def async_start_new_kernel(self, **options):
        """nbclient's own handler, set just before, takes the kernel away under the running cell, which then waits for ever."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, self.on_signal)
        await super().async_start_new_kernel(**options)

    def process_message(self, message, cell, cell_index):
        content = message["content"]
        if message["msg_type"] in ("display_data", "update_display_data") and PROGRESS in content["data"]:
            emit("progress", **content["data"][PROGRESS])
            return None  # a bar is for watching; the executed copy keeps results
        if message["msg_type"] == "stream" and content["name"] == "stderr":
            self.stderr_text.append(content["text"])
        return super().process_message(message, cell, cell_index)

    def output(self, outputs, message, display_id, cell_index):
        """Joins what one stream wrote in one go, without moving it past a figure as nbclient's own option does."""
        content, last = message["content"], outputs[-1] if outputs else None
        if message["msg_type"] == "stream" and last and last.get("name") == content["name"]:
            last["text"] += content["text"]
            return last
        return super().output(outputs, message, display_id, cell_index)

    async def late_messages(self, cell, cell_index):
        """A rejection nobody awaited is reported after the cell's end: look a moment longer."""
        while True:
            try:
                message = await self.kc.get_iopub_msg(timeout=0.05)
            except Empty:
                return
            if message["msg_type"] == "stream":
                self.process_message(message, cell, cell_index)

    async def run_cell(self, cell, cell_index, number):
        self.stderr_text = []
        try:
            await self.async_execute_cell(cell, cell_index, execution_count=number)
        except CellExecutionError:
            # tslab writes the error to stderr: every line of a type error, or one message with the stack.
            type_errors = [text for text in self.stderr_text if re.match(r"\d+:\d+ - ", text)]
            raise Failure("".join(type_errors or self.stderr_text[-1:]) or "the cell failed without a message") from None
        except DeadKernelError:
            raise KernelEnded(f"the kernel's process ended (exit code {await self.km.provisioner.poll()})") from None
        await self.late_messages(cell, cell_index)
        unawaited = [text for text in self.stderr_text if text.startswith(UNAWAITED)]
        if unawaited:
            raise Failure("".join(unawaited))
        if self.stderr_text:
            emit("warning", text="".join(self.stderr_text).strip())


def error_lines(text):
    """The kernel's message without its own frames and without Node's excerpt of the compiled code."""
    text = re.sub(r"^evalmachine\.<anonymous>:\d+\n.*?\n\n(?=\S)", "", text.rstrip(), flags=re.DOTALL)
    lines = text.splitlines()
    kernel = (i for i, line in enumerate(lines) if re.search(r"^ +at .*(evalmachine|tslab.dist|node:vm)", line))
    return lines[: next(kernel, len(lines))]


def record_failure(cell, text):
    """Moves the error from the cell's stderr into the error output that tslab does not send."""
    for output in list(cell.outputs):
        if output.get("name") == "stderr":
            output["text"] = output["text"].replace(text, "")
            if not output["text"].strip():
                cell.outputs.remove(output)
    lines = error_lines(text)
    name, _, message = re.sub(r"^\w+Rejection: ", "", lines[0]).partition(": ")
    known = message and re.fullmatch(r"\w*Error( \[\w+\])?", name)
    cell.outputs.append(
        nbformat.v4.new_output("error", ename=name if known else "Error", evalue=message if known else lines[0], traceback=lines)
    )


def describe(text, first_line):
    """For the terminal: where in the .ts source (a type error names its line, others only their cell), and the error."""
    lines = error_lines(text)
    place = re.match(r"(\d+):(\d+) - ", lines[0])
    line, column = (first_line + int(place[1]) - 1, int(place[2])) if place else (first_line, None)
    return {"line": line, "column": column, "message": "\n".join(lines)}


async def run(source, folder, out):
    """Executes one notebook; returns whether every cell went through."""
    name, started = source.stem, monotonic()
    notebook = read_source(source)
    target, log_path = out / f"{name}.ipynb", out / f"{name}.log"
    cells = [(index, cell) for index, cell in enumerate(notebook.cells) if is_code(cell)]
    lines = first_lines(source, notebook)
    emit("start", notebook=name, cells=len(cells))
    this_run, interrupted, failure = asyncio.current_task(), False, None

    def on_signal():  # a terminal sends it to us, and so does our parent
        nonlocal interrupted
        if not interrupted:
            interrupted = True
            this_run.cancel()

    kernel = METADATA["kernelspec"]["name"]
    client = Client(notebook, on_signal, kernel_name=kernel, resources={"metadata": {"path": str(folder)}})
    with log_path.open("w", encoding="utf-8") as log:  # native libraries write here, past the kernel's streams
        cell, number = None, 0
        try:
            async with client.async_setup_kernel(stdout=log, stderr=log):
                client.reset_execution_trackers()
                for number, (index, cell) in enumerate(cells, start=1):
                    emit("cell", notebook=name, number=number, cells=len(cells))
                    await client.run_cell(cell, index, number)
                    write(notebook, target)
        except (Failure, RuntimeError, asyncio.CancelledError) as error:  # RuntimeError: the kernel does not start
            failure = "interrupted" if interrupted else str(error)
            if isinstance(error, (KernelEnded, RuntimeError)) and not interrupted:
                words = log_path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
                failure = "\n".join([failure, *words[-12:]])
    if not log_path.stat().st_size:
        log_path.unlink()
    if failure is not None and cell is not None:
        record_failure(cell, failure)
    write(notebook, target)
    seconds = monotonic() - started
    if failure is None:
        emit("end", notebook=name, cells=len(cells), seconds=seconds)
        return True
    where = describe(failure, lines.get(cell.id, 1) if cell is not None else 1)
    emit("failed", notebook=name, number=number, cells=len(cells), seconds=seconds, interrupted=interrupted, **where)
    if interrupted:
        sys.exit(130)
    return False


async def run_all(job):
    out = Path(job["out"])
    out.mkdir(parents=True, exist_ok=True)
    passed = True
    for source in job["sources"]:
        passed = await run(Path(source), Path(job["folder"]), out) and passed
        if not passed and not job.get("keepGoing"):
            break
    return passed


def what_it_is(cell):
    return cell.cell_type, cell.source, cell.metadata.get("tags")


def drift(path, copies=None):
    """Each way in which the .ipynb beside it, or in a folder of copies, is not the executed .ts."""
    committed = (copies or path.parent) / f"{path.stem}.ipynb"
    if not committed.exists():
        return [f"{committed} is missing"]
    source, executed = read_source(path), nbformat.read(committed, as_version=4)
    problems = []
    if jupytext.read(path, fmt="ts:percent").metadata.get("kernelspec") != METADATA["kernelspec"]:
        problems.append(f"{path}: its header does not name the kernel as the other notebooks do")
    if executed.metadata.get("kernelspec") != METADATA["kernelspec"]:
        problems.append(f"{committed}: kernelspec is not {json.dumps(METADATA['kernelspec'])}")
    if len(source.cells) != len(executed.cells):
        problems.append(f"{committed}: {len(executed.cells)} cells, the source has {len(source.cells)}")
    numbers = []
    for position, (wanted, got) in enumerate(zip(source.cells, executed.cells), start=1):
        if what_it_is(wanted) != what_it_is(got):
            begin = wanted.source.strip().partition("\n")[0][:60]
            problems.append(f"{committed}: cell {position} differs from the source, where it begins {begin!r}")
            break  # the rest is usually only shifted
        if is_code(got):
            numbers.append(got.execution_count)
            if any(output.output_type == "error" for output in got.outputs):
                problems.append(f"{committed}: cell {position} ended in an error")
    if numbers != list(range(1, len(numbers) + 1)):
        problems.append(f"{committed}: not executed in order from a fresh kernel: {numbers}")
    return problems


def main(command, *arguments):
    if command == "run":
        watch_parent()
        return 0 if asyncio.run(run_all(json.loads(arguments[0]))) else 1
    if command == "current":
        folder, *sources = map(Path, arguments)
        print("\n".join(source.stem for source in sources if not drift(source, folder)))
        return 0
    problems = [problem for path in arguments for problem in drift(Path(path))]
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
