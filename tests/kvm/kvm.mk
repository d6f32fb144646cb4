# SPDX-License-Identifier: MIT
# KVM tests: tests/kvm/NAME.c is a suite of cases that make small guests; all of them are one static
# Linux program, which prints what it sees of /dev/kvm and `ok CASE` or `FAIL CASE: why` for each.
# The same binary runs on Linux and on Dyad.

KVM_OBJS := $(patsubst tests/kvm/%.c,$(BUILD)/tests/kvm/%.o,$(sort $(wildcard tests/kvm/*.c)))

$(BUILD)/tests/kvm/%.o: tests/kvm/%.c tests/kvm/kvm.h tests/kvm/kvm.mk | $(UAPI)/.done
	$(call say,UCC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(MUSL_CC) -std=gnu17 -D_GNU_SOURCE -DSUITE=\"$*\" -isystem $(UAPI) -O1 -g -fno-pie -c \
		-Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -Werror -o $@ $<
$(BUILD)/tests/guest/kvm: $(KVM_OBJS)
	$(call say,ULD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(MUSL_CC) -static -no-pie -o $@ $^

guest-tests: $(BUILD)/tests/guest/kvm
