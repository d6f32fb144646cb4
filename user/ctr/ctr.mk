# SPDX-License-Identifier: MIT
CTR := $(BASE)/uobj/user/ctr
# The names of Linux's system calls in the order of their numbers, for seccomp filters: of the header that the kernel and libc share.
$(CTR)/syscalls.inc: user/ctr/ctr.mk | $(UAPI)/.done
	$(Q)mkdir -p $(@D)
	$(Q)awk '/^#define __NR_/ { for (; n < $$3; n++) print "\"\\0\""; print "\"" substr($$2, 6) "\\0\""; n++ }' \
		$(UAPI)/asm/unistd_64.h > $@
# Text and data that C includes as a string.
$(CTR)/%.inc: user/ctr/%.json
	$(Q)mkdir -p $(@D)
	$(Q)sed 's/["\\]/\\&/g; s/.*/"&\\n"/' $< > $@
# Its words, each with a blank behind it.
$(CTR)/fields.inc: user/ctr/fields.txt
	$(Q)mkdir -p $(@D)
	$(Q)sed -n 's/^[^#].*/"& "/p' $< > $@
$(CTR)/main.o: $(CTR)/help.inc
$(CTR)/oci_filter.o: $(CTR)/syscalls.inc
$(CTR)/oci.o: $(CTR)/fields.inc
$(CTR)/oci_verbs.o: $(CTR)/spec.inc $(CTR)/spec_rootless.inc
$(CTR)/main.o $(CTR)/oci_filter.o $(CTR)/oci.o $(CTR)/oci_verbs.o: UFLAGS += -iquote $(CTR)
