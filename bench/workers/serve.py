"""A process that answers lines of JSON on standard input with lines of JSON on standard output."""

import gc
import json
import sys
import time
import traceback


def timed(work):
    """Runs work() and tells when it started and ended, in seconds of the machine's monotonic clock."""
    gc.collect()
    start = time.monotonic()
    work()
    return {"start": start, "end": time.monotonic()}


def serve(operations):
    """Answers until standard input ends; operations: name -> function of the question's other fields."""
    for line in sys.stdin:
        question = json.loads(line)
        try:
            answer = operations[question.pop("op")](**question)
        except Exception:
            answer = {"error": traceback.format_exc()}
        print(json.dumps(answer), flush=True)
