# SPDX-License-Identifier: MIT
# ABI tests: tests/abi/NAME.c is one static Linux program that prints deterministic lines. The same
# binary runs on the host's Linux and on Dyad, and both outputs must be equal. `make abi-host` runs
# all on the host and checks that three runs agree.

ABI_NAMES := $(patsubst tests/abi/%.c,%,$(sort $(wildcard tests/abi/*.c)))
ABI_BINS := $(ABI_NAMES:%=$(BUILD)/tests/abi/%)

$(BUILD)/tests/abi/%: tests/abi/%.c $(wildcard tests/abi/*.h) tests/abi/abi.mk | $(UAPI)/.done
	$(call say,UCC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(MUSL_CC) -std=gnu17 -D_GNU_SOURCE -isystem $(UAPI) -O1 -g -static -fno-pie -no-pie \
		-Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -Wno-nonnull -Wno-stringop-overflow \
		-Wno-array-bounds -Wno-restrict -Werror -o $@ $<

abi-tests: $(ABI_BINS)
abi-host: $(ABI_BINS)
	$(Q)for t in $(ABI_NAMES); do \
		for i in 1 2 3; do timeout 60 $(BUILD)/tests/abi/$$t > $(BUILD)/tests/abi/$$t.host$$i 2>&1; done; \
		cmp $(BUILD)/tests/abi/$$t.host1 $(BUILD)/tests/abi/$$t.host2 && \
		cmp $(BUILD)/tests/abi/$$t.host1 $(BUILD)/tests/abi/$$t.host3 || exit 1; \
		printf 'abi %-14s %s lines, the same in three runs\n' $$t $$(wc -l < $(BUILD)/tests/abi/$$t.host1); \
	done
.PHONY: abi-tests abi-host
