# SPDX-License-Identifier: MIT
# The programs that make bench runs on Dyad and on Linux alike: tests/bench/NAME.c, static.

BENCH_BINS := $(patsubst tests/bench/%.c,$(BUILD)/tests/bench/%,$(wildcard tests/bench/*.c))

$(BUILD)/tests/bench/%: tests/bench/%.c tests/bench/bench.h tests/bench/bench.mk | $(UAPI)/.done
	$(call say,UCC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(MUSL_CC) -std=gnu17 -D_GNU_SOURCE -isystem $(UAPI) -O2 -static -fno-pie -no-pie \
		-Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -Werror -o $@ $<

# and what guests are given
bench-programs: $(BENCH_BINS) $(BUILD)/tests/guest/outb
.PHONY: bench-programs
