# SPDX-License-Identifier: MIT
# Unit tests: freestanding kernel sources on the host, under ASan and UBSan, driven by cmocka.
# A test is tests/unit/NAME_test.c; the line "sources: ..." in its first comment names the kernel
# sources that it links. `make unit` runs all, `make unit-NAME` one. UNIT_SEED=N repeats a run. As in the
# kernel, headers of packets may have any alignment.

HOSTCC ?= cc
UNIT_FLAGS := -std=gnu17 -DDYAD_HOST -D_SYS_SELECT_H -isystem kernel/net/uapi -Ikernel -I. -Itests/unit -g -O1 -fno-omit-frame-pointer \
	-fwrapv -fno-strict-aliasing -fno-pie -fsanitize=address,undefined -fno-sanitize=alignment \
	-fno-sanitize-recover=all \
	-Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -Werror
UNIT_NAMES := $(patsubst tests/unit/%_test.c,%,$(sort $(wildcard tests/unit/*_test.c)))
UNIT_BINS := $(UNIT_NAMES:%=$(BUILD)/tests/unit/%)
unit_sources = $(shell sed -n '1,9s/.*sources: *\([^*]*\).*/\1/p' tests/unit/$(1)_test.c)

$(BUILD)/host/%.o: %.c tests/unit/unit.mk
	$(call say,HOSTCC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(HOSTCC) $(UNIT_FLAGS) -MMD -MP -c -o $@ $<

define unit_rule
$(BUILD)/tests/unit/$(1): $(BUILD)/host/tests/unit/$(1)_test.o $(BUILD)/host/tests/unit/host.o \
		$(patsubst %.c,$(BUILD)/host/%.o,$(call unit_sources,$(1)))
	$(Q)mkdir -p $$(@D)
	$(Q)$(HOSTCC) -no-pie -fsanitize=address,undefined -o $$@ $$^ -lcmocka
unit-$(1): $(BUILD)/tests/unit/$(1)
	$(Q)$$<
.PHONY: unit-$(1)
endef
$(foreach t,$(UNIT_NAMES),$(eval $(call unit_rule,$(t))))
-include $(wildcard $(BUILD)/host/*/*/*.d $(BUILD)/host/*/*.d $(BUILD)/host/*/*/*/*.d)

# One line a test program, the failing ones in full; the last line counts the test cases.
unit: $(UNIT_BINS)
	$(Q)tests/unit/run $(UNIT_BINS)
.PHONY: unit
