"""Ends this process when its parent is gone, as SIGTERM does; a closed terminal counts as SIGTERM, too.

    parent.py MODULE ARGUMENTS…  runs MODULE's main() so
"""

import importlib
import os
import signal
import sys
import threading
import time

PARENT = os.getppid()


def watch_parent():
    def look():
        while os.getppid() == PARENT:
            time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=look, daemon=True).start()
    signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))


if __name__ == "__main__":
    module = sys.argv.pop(1)
    watch_parent()
    sys.exit(importlib.import_module(module).main())
