"""What a process holds, as the kernel counts it."""

from pathlib import Path


def peak_kib(pid):
    """The most that the process has held so far; 0 when it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)
