# SPDX-License-Identifier: MIT
"""compare: both layers measured in one run."""
import csv
import io
import json

from harness import Case


def valid_json(output):
    try:
        figures = json.loads(output)
    except ValueError as e:
        return "valid JSON (%s)" % e
    return None if figures else "figures in the JSON"


def valid_csv(output):
    rows = list(csv.reader(io.StringIO(output)))
    if len(rows) < 3 or len({len(row) for row in rows}) != 1:
        return "CSV with rows of one width"
    return None


SAN = False  # it measures: half the time of a boot, and nothing that the other suites do not run

CASES = [
    Case("table", "compare -n 3", match=("container", "virtual machine|VM|vm"), seconds=120, on=("qemu", "bochs")),
    Case("json", "compare -n 2 --json", check=valid_json, seconds=120, on=("qemu",)),
    Case("csv", "compare -n 2 --csv", check=valid_csv, seconds=120, on=("qemu",)),
    Case("kernel", "compare -n 1 --kernel /nosuch", match=("virtual machine with /nosuch$", "vm: /nosuch: No such file"), on=("qemu",)),
    Case("unknown-image", "compare nosuchimage", status=2, match="nosuchimage", on=("qemu",)),
    Case("unknown-option", "compare --nosuch", status=2, match="nosuch", on=("qemu",)),
]
