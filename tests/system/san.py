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
    "lock_order": "lockdep: &mutex_a is taken with &mutex_b held, against the order$",
    "lock_two_of_a_class": r"lockdep: two of &m\[i\] are taken, without a subclass$",
    "lock_without_init": "lockdep: l was never initialized$",
    "lock_interrupts_on": "lockdep: interrupts are on with &spin_a held$",
    "lock_interrupted": "lockdep: an interrupt with &spin_a held, at 0x[0-9a-f]+, flags 0x[0-9a-f]+, 1 deep$",
    "sleep_with_spinlock": "lockdep: may sleep with &spin_a held$",
    "sleep_with_interrupts_off": "lockdep: may sleep with interrupts off$",
    "sleep_in_interrupt": "lockdep: may sleep in an interrupt$",
    "lock_into_ring_3": "lockdep: to ring 3 with &mutex_left held$",
    "lock_in_freed_memory": "lockdep: m is held in freed memory$",
}

CASES = [
    Case(name, "echo %s > /proc/dyad/selftest" % name, out="", warnings=(report,), leak=False)
    for name, report in BUGS.items()
] + [
    Case("all", "cat /proc/dyad/selftest", out="\n".join(BUGS)),
]
