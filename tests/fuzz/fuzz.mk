# SPDX-License-Identifier: MIT
# The system call fuzzer: a static program for the guest, run by tests/fuzz/run on a kernel with SAN=1.

FUZZ := $(BUILD)/tests/fuzz/fuzz
SECONDS ?= 3600
SEED ?=
$(FUZZ): $(wildcard tests/fuzz/*.c tests/fuzz/*.h) tests/fuzz/fuzz.mk | $(UAPI)/.done
	$(call say,UCC,tests/fuzz)
	$(Q)mkdir -p $(@D)
	$(Q)$(MUSL_CC) -std=gnu17 -D_GNU_SOURCE -isystem $(UAPI) -O2 -g -static -fno-pie -no-pie -fno-stack-protector \
		-Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers -Werror \
		-o $@ $(filter %.c,$^)
fuzz-tests: $(FUZZ)
fuzz:  ## an hour of random system calls with SAN=1 (SECONDS=, SEED=)
	$(call ready,qemu,fuzz-tests)
	@$(MAKE) --no-print-directory SAN=1 all
	@tests/fuzz/run --seconds $(SECONDS) $(if $(SEED),--seed $(SEED))
.PHONY: fuzz fuzz-tests
