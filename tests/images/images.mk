# SPDX-License-Identifier: MIT
# A container image for the tests: build/tests/oci, an OCI layout, and build/images/oci.erofs of it.
OCI_LAYOUT := build/tests/oci/index.json
$(OCI_LAYOUT): tests/images/layout.py
	$(Q)$(PYTHON) tests/images/layout.py $(@D)
build/images/oci.erofs: $(OCI_LAYOUT) $(MKIMAGE)
	$(call mkimage,$(<D))

# Fuzzers of what reads images, of filters, of the instruction decoder, of virtio devices and the 9P server: tests/images/fuzz_NAME.c, with libFuzzer. `make fuzz-images SECONDS=600`
# runs each so long; what they find lies in build/tests/images/fuzz.
SECONDS ?= 30
IMAGE_FUZZ_CC ?= clang
IMAGE_FUZZ_FLAGS = $(subst $(without),,$(filter-out -O1,$(UNIT_FLAGS))) -O2 -Iuser/common -Iuser/vm -D_GNU_SOURCE -fsanitize=fuzzer -no-pie
IMAGE_FUZZERS := $(patsubst tests/images/fuzz_%.c,%,$(wildcard tests/images/fuzz_*.c))
IMAGE_FUZZ_DIR := $(BUILD)/tests/images/fuzz
fuzz_sources = $(shell sed -n '1,3s/.*sources: *\([^*]*\).*/\1/p' tests/images/fuzz_$(1).c)
define fuzzer
$(IMAGE_FUZZ_DIR)/$(1): tests/images/fuzz_$(1).c $(call fuzz_sources,$(1)) $(wildcard kernel/fs/*.h user/common/*.h kernel/lib/bpf.h vmm/decode.h user/vm/*.h tests/images/*.h) tests/images/images.mk
	$$(call say,FUZZCC,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(IMAGE_FUZZ_CC) $$(IMAGE_FUZZ_FLAGS) -o $$@ $$(filter-out $$(included),$$(filter %.c,$$^))
endef
$(foreach f,$(IMAGE_FUZZERS),$(eval $(call fuzzer,$(f))))
# they stand on the host's sockets and files, and include sources
$(addprefix $(IMAGE_FUZZ_DIR)/,virtio pc p9): without := -isystem kernel/net/uapi
$(IMAGE_FUZZ_DIR)/virtio: included := user/vm/net.c
$(IMAGE_FUZZ_DIR)/virtio: user/vm/net.c
$(IMAGE_FUZZ_DIR)/pc: included := user/vm/firmware.c user/vm/task.c
$(IMAGE_FUZZ_DIR)/pc: user/vm/firmware.c user/vm/task.c
$(IMAGE_FUZZ_DIR)/p9: included := user/vm/p9.c
$(IMAGE_FUZZ_DIR)/p9: user/vm/p9.c
$(IMAGE_FUZZ_DIR)/p9client: included := kernel/fs/p9.c kernel/fs/p9_client.c
$(IMAGE_FUZZ_DIR)/p9client: kernel/fs/p9.c kernel/fs/p9_client.c
$(IMAGE_FUZZ_DIR)/seeds: tests/images/seeds.py tests/images/layout.py $(MKIMAGE) tools/mkinitramfs
	$(Q)rm -rf $@ && mkdir -p $@ && $(PYTHON) tests/images/seeds.py $@
image-fuzzers: $(IMAGE_FUZZERS:%=$(IMAGE_FUZZ_DIR)/%) $(IMAGE_FUZZ_DIR)/seeds
fuzz-images: image-fuzzers  ## fuzzes what reads images (libFuzzer): SECONDS=600 for each
	$(Q)for f in $(IMAGE_FUZZERS); do mkdir -p $(IMAGE_FUZZ_DIR)/found-$$f && $(IMAGE_FUZZ_DIR)/$$f -max_total_time=$(SECONDS) \
		-max_len=65536 -timeout=10 -artifact_prefix=$(IMAGE_FUZZ_DIR)/ -verbosity=0 -print_final_stats=1 \
		$(IMAGE_FUZZ_DIR)/found-$$f $(IMAGE_FUZZ_DIR)/seeds/$$f || exit 1; done
	$(Q)$(PYTHON) tests/images/mutate.py --seconds $(SECONDS) --folder $(IMAGE_FUZZ_DIR)/python
.PHONY: image-fuzzers fuzz-images
