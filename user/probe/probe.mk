# SPDX-License-Identifier: MIT
# The program's first instruction is its own, before the C library's start; see probe.c.
ULINK_probe := -Wl,-e,probe_entry
