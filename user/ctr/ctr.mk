# SPDX-License-Identifier: MIT
CTR := $(UBASE)/uobj/user/ctr
# The names of Linux's system calls in the order of their numbers, for seccomp filters: of the header that the kernel and libc share.
$(CTR)/syscalls.inc: user/ctr/ctr.mk | $(PROGRAM_UAPI)/.done
	$(Q)mkdir -p $(@D)
	$(Q)awk '/^#define __NR_/ { for (; n < $$3; n++) print "\"\\0\""; print "\"" substr($$2, 6) "\\0\""; n++ }' \
		$(PROGRAM_UAPI)/asm/unistd_64.h > $@
# Its lines, each ended by NUL.
$(CTR)/spec.inc: user/ctr/spec.txt
	$(Q)mkdir -p $(@D)
	$(Q)sed '/^#/d; s/["\\]/\\&/g; s/.*/"&\\n\\0"/' $< > $@
# Its entries, each with a letter before it, 'a' and on, that says how far in it stands, and a blank behind it.
$(CTR)/fields.inc: user/ctr/fields.txt
	$(Q)mkdir -p $(@D)
	$(Q)awk '/^[^#]/ { match($$0, /^ */); printf "\"%c%s \"\n", 97 + RLENGTH, substr($$0, RLENGTH + 1) }' $< > $@
$(CTR)/main.o: $(CTR)/help.inc
$(CTR)/oci_filter.o: $(CTR)/syscalls.inc
$(CTR)/oci.o: $(CTR)/fields.inc
$(CTR)/oci_verbs.o: $(CTR)/spec.inc
$(CTR)/main.o $(CTR)/oci_filter.o $(CTR)/oci.o $(CTR)/oci_verbs.o: UFLAGS += -iquote $(CTR)
