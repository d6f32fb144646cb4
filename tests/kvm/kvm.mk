# SPDX-License-Identifier: MIT
# KVM tests: tests/kvm/NAME.c is one static Linux program that makes small guests and prints
# `ok CASE` or `FAIL CASE: why` for each; its status says whether all were ok. The same binary runs
# on Linux's /dev/kvm and on Dyad's.

KVM_BINS := $(patsubst tests/kvm/%.c,$(BUILD)/tests/guest/kvm-%,$(sort $(wildcard tests/kvm/*.c)))

$(BUILD)/tests/guest/kvm-%: tests/kvm/%.c tests/kvm/kvm.h tests/kvm/kvm.mk | $(UAPI)/.done
	$(call say,UCC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(MUSL_CC) -std=gnu17 -D_GNU_SOURCE -isystem $(UAPI) -O1 -g -static -fno-pie -no-pie \
		-Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -Werror -o $@ $<

guest-tests: $(KVM_BINS)
