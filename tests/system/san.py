# SPDX-License-Identifier: MIT
"""SAN=1 reports what it is there for: each bug of tests/san/selftest.c is one WARNING, exactly."""
from harness import Case

ON = ("san",)
AT = r" at 0x[0-9a-f]+ in "
UBSAN = r"tests/san/selftest\.c:\d+: undefined behaviour: "

# name -> what must be reported
BUGS = {
    "heap_out_of_bounds": "kasan: heap out of bounds: store of 1 byte" + AT + "heap_out_of_bounds$",
    "heap_memset": "kasan: heap out of bounds: store of 101 bytes" + AT + "heap_memset$",
    "use_after_free": "kasan: use after free: load of 4 bytes" + AT + "use_after_free$",
    "double_free": "kasan: use after free: store of 1 byte" + AT + "kfree$",
    "freed_frame": "kasan: freed page: load of 8 bytes" + AT + "freed_frame$",
    "stack_out_of_bounds": "kasan: stack out of bounds: load of 1 byte" + AT + "stack_out_of_bounds$",
    "stack_after_scope": "kasan: stack variable out of its scope: load of 8 bytes" + AT
                         + "stack_after_scope$",
    "global_out_of_bounds": "kasan: global out of bounds: load of 1 byte" + AT
                            + "global_out_of_bounds$",
    "wild_pointer": "kasan: wild address: load of 8 bytes" + AT + "run$",
    "shift_too_far": UBSAN + "shift",
    "index_out_of_bounds": UBSAN + "array index out of bounds",
}

CASES = [
    Case(name, "echo %s > /proc/dyad/selftest" % name, out="", warnings=(report,), leak=False)
    for name, report in BUGS.items()
] + [
    Case("all", "cat /proc/dyad/selftest", out="\n".join(BUGS)),
]
