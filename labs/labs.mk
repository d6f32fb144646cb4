# SPDX-License-Identifier: MIT
# Labs: `make grade LAB=05` grades this tree, `make check-labs` checks the handouts and markers.
# A C program labs/NN-name/tests/NAME.c is built static and is /tests/lab/NAME in the guest. It may include
# files of the tree, as "../../../user/vm/uart.c".

grade:  ## points of lab LAB=NN, test by test
	@$(PYTHON) tools/grade $(if $(JSON),--json $(JSON)) $(LAB)
check-labs:  ## the handouts name nothing that is not there
	@$(PYTHON) tools/checklabs

LAB_SOURCES := $(foreach l,$(LAB_TESTS),$(wildcard labs/$(l)/tests/*.c))
lab_built = $(patsubst labs/%.c,$(BUILD)/lab/%,$(subst /tests/,/,$(1)))
define lab_program
$(1): $(2) $(shell sed -n 's,^#include "../../../\(.*\)",\1,p' $(2)) | $(UAPI)/.done
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(MUSL_CC) -std=gnu17 -D_GNU_SOURCE -isystem $(UAPI) -O1 -g -Iuser/common -static -fno-pie -no-pie -Wall -o $$@ $$<
endef
$(foreach s,$(LAB_SOURCES),$(eval $(call lab_program,$(call lab_built,$(s)),$(s))))
# outb: of the guest that linux_guest.py makes
lab-tests: $(call lab_built,$(LAB_SOURCES)) $(BUILD)/tests/guest/outb
.PHONY: grade check-labs lab-tests
