# SPDX-License-Identifier: MIT
# Hostile guests and monitors: one static program for the guest, tests/guest/hostile there.

$(BUILD)/tests/guest/hostile: $(wildcard tests/hostile/*.c tests/hostile/*.h) tests/hostile/hostile.mk | $(UAPI)/.done
	$(call say,UCC,tests/hostile)
	$(Q)mkdir -p $(@D)
	$(Q)$(MUSL_CC) -std=gnu17 -D_GNU_SOURCE -isystem $(UAPI) -O1 -g -static -fno-pie -no-pie -Wall -Wextra \
		-Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers -Werror -o $@ $(filter %.c,$^)

guest-tests: $(BUILD)/tests/guest/hostile
