# SPDX-License-Identifier: MIT
# A container image for the tests: build/tests/oci, an OCI layout, and build/images/oci.erofs of it.
OCI_LAYOUT := build/tests/oci/index.json
$(OCI_LAYOUT): tests/images/layout.py
	$(Q)$(PYTHON) tests/images/layout.py $(@D)
build/images/oci.erofs: $(OCI_LAYOUT) $(MKIMAGE)
	$(call mkimage,$(<D))
