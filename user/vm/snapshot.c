/* SPDX-License-Identifier: MIT */
/*
 * A machine in a file, and back. The file, little-endian:
 *
 *	struct head, which names the image and the options that the machine's devices come from
 *	records (struct record and its data), for one machine always the same ones in the same order: the
 *	kernel's part of the machine, each vCPU, the devices
 *	ram_at	the memory, as it is; pages of zeros are holes
 *
 * A device says what of its memory belongs to the machine's state (struct kept, snapshot_keep()), in the order in
 * which devices are made, which is that of a restored machine, too. A snapshot is taken between two events, with
 * the vCPUs between two instructions: no request is half done.
 *
 * One walk over all that there is to keep serves both ways, so they cannot disagree. Restored memory is
 * the file's own, mapped: what the guest does not touch is not read, what it does not write is
 * shared by all machines of the same file. The image is not in the file, only what it must look like.
 *
 * The first command in a machine of a file is watched, and the pages that it wrote are noted at the file (WRITTEN):
 * later machines copy those before they start, where each would be an exit of its own. It is a hint, so nobody checks it:
 * whatever it says, a few pages are copied too early.
 */
#include <asm/mman.h>
#include <sys/xattr.h>

#include "vm.h"

#define MAGIC "DYADVM"
#define VERSION "4\n" /* another one when a record, or what the agent hears, has another meaning */
#define RECORDS_MAX (1UL << 20) /* bytes */
#define MSRS_MAX 512
#define KEPT_MAX 512
#define WRITTEN "user.vm.written" /* extended attribute: a bit for each page */
#define WRITTEN_MAX 512 /* pages */

struct head {
	char magic[6], version[2];
	uint64_t ram_at, ram_size, image_size;
	uint32_t records_size, sum; /* of all records */
	uint32_t cpus, flags;
	char image[256]; /* the path, or "" */
	char devices[WORDS_MAX]; /* as struct machine has them */
};
#define HAS_COMMAND 1 /* its output comes by COM2; else there is a console */
#define HAS_CONSOLE 2
#define INTERACTIVE 4
#define ON_TERMINAL 8
#define HAS_PCI 16
#define HAS_CARD 32
#define HAS_SCREEN 64 /* without an option that says so, by its firmware */

struct record {
	char id[8];
	uint32_t index, size;
};

/* A walk: `out` is filled, or `in` is consumed. */
struct walk {
	const char *path;
	bool saving;
	uint8_t *data;
	size_t at, size;
	const char *error; /* the first thing that went wrong */
};

/* ---- records ---- */

/* what: or NULL */
static void fail(struct walk *w, const char *what)
{
	if (!w->error)
		w->error = what;
}

/* The next record: is written from data, or read into it. False when it is another one. */
static bool transfer(struct walk *w, const char *id, uint32_t index, void *data, size_t n)
{
	struct record r = { .index = index, .size = n };
	static char why[80];

	strncpy(r.id, id, sizeof(r.id));
	if (!w->error && w->size - w->at < sizeof(r) + ALIGN_UP(n, 8))
		fail(w, w->saving ? "the machine's state is too large" : "cut off");
	if (!w->error && !w->saving && memcmp(w->data + w->at, &r, sizeof(r))) {
		format(why, sizeof(why), "where the record %s of %zu bytes should be is another",
		       id, n);
		fail(w, why);
	}
	if (w->error)
		return false;
	if (w->saving)
		memcpy(w->data + w->at, &r, sizeof(r));
	w->at += sizeof(r);
	memcpy(w->saving ? w->data + w->at : data, w->saving ? data : w->data + w->at, n);
	w->at += ALIGN_UP(n, 8);
	return true;
}

/* A structure of the kernel: KVM_GET_x, KVM_SET_x. */
struct item {
	const char *id;
	unsigned long get, set;
	size_t size;
};

static void item(struct walk *w, int fd, const struct item *i, uint32_t index, void *buf)
{
	if (w->saving && ioctl(fd, i->get, buf) < 0)
		fail(w, i->id);
	if (transfer(w, i->id, index, buf, i->size) && !w->saving && ioctl(fd, i->set, buf) < 0)
		fail(w, i->id);
}

static void machine_items(struct walk *w, struct machine *m)
{
	static const struct item chip = { "irqchip", KVM_GET_IRQCHIP, KVM_SET_IRQCHIP,
					  sizeof(struct kvm_irqchip) };
	static const struct item pit = { "pit", KVM_GET_PIT2, KVM_SET_PIT2,
					 sizeof(struct kvm_pit_state2) };
	struct kvm_pit_state2 p = { 0 };
	struct kvm_clock_data c = { 0 };

	for (uint32_t i = 0; i < KVM_NR_IRQCHIPS; i++) {
		struct kvm_irqchip k = { .chip_id = i };

		item(w, m->vm, &chip, i, &k);
	}
	item(w, m->vm, &pit, 0, &p);
	/* what else it told when it was read does not hold any more */
	if (w->saving && ioctl(m->vm, KVM_GET_CLOCK, &c) < 0)
		fail(w, "clock");
	c = (struct kvm_clock_data){ .clock = c.clock };
	if (transfer(w, "clock", 0, &c, sizeof(c)) && !w->saving &&
	    ioctl(m->vm, KVM_SET_CLOCK, &c) < 0)
		fail(w, "clock");
}

/* ---- a vCPU ---- */

/* In the order in which they can be set: what the CPU is, its mode, its registers, its interrupts. */
static const struct item before[] = {
	{ "sregs", KVM_GET_SREGS, KVM_SET_SREGS, sizeof(struct kvm_sregs) },
	{ "xcrs", KVM_GET_XCRS, KVM_SET_XCRS, sizeof(struct kvm_xcrs) },
	{ "xsave", KVM_GET_XSAVE, KVM_SET_XSAVE, sizeof(struct kvm_xsave) },
	{ "regs", KVM_GET_REGS, KVM_SET_REGS, sizeof(struct kvm_regs) },
	{ "debug", KVM_GET_DEBUGREGS, KVM_SET_DEBUGREGS, sizeof(struct kvm_debugregs) },
	{ "lapic", KVM_GET_LAPIC, KVM_SET_LAPIC, sizeof(struct kvm_lapic_state) },
}, behind[] = {
	{ "events", KVM_GET_VCPU_EVENTS, KVM_SET_VCPU_EVENTS, sizeof(struct kvm_vcpu_events) },
	{ "mpstate", KVM_GET_MP_STATE, KVM_SET_MP_STATE, sizeof(struct kvm_mp_state) },
};

static void items(struct walk *w, int vcpu, uint32_t index, const struct item *list, size_t n)
{
	static uint8_t buf[sizeof(struct kvm_xsave)] __attribute__((aligned(64)));

	for (size_t i = 0; i < n; i++)
		item(w, vcpu, &list[i], index, buf);
}

struct cpuid {
	struct kvm_cpuid2 head;
	struct kvm_cpuid_entry2 entry[MAX_CPUID];
};

static void cpuid(struct walk *w, int vcpu, uint32_t index)
{
	static struct cpuid c;

	memset(&c, 0, sizeof(c));
	c.head.nent = MAX_CPUID;
	if (w->saving && ioctl(vcpu, KVM_GET_CPUID2, &c) < 0)
		fail(w, "cpuid");
	if (!transfer(w, "cpuid", index, &c, sizeof(c)) || w->saving)
		return;
	if (c.head.nent > MAX_CPUID || ioctl(vcpu, KVM_SET_CPUID2, &c) < 0)
		fail(w, "cpuid");
}

struct msrs {
	struct kvm_msrs head;
	struct kvm_msr_entry entry[MSRS_MAX];
};

/* One that cannot be set is no harm when it is already so. */
static bool has_value(int vcpu, const struct kvm_msr_entry *e)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} one = { .head = { .nmsrs = 1 }, .entry = *e };

	return ioctl(vcpu, KVM_GET_MSRS, &one) == 1 && one.entry.data == e->data;
}

static void set_msrs(struct walk *w, int vcpu, const struct msrs *kept)
{
	static struct msrs some;

	for (uint32_t at = 0, n = kept->head.nmsrs; at < n;) {
		int done;

		some.head.nmsrs = n - at;
		memcpy(some.entry, kept->entry + at, (n - at) * sizeof(*some.entry));
		done = ioctl(vcpu, KVM_SET_MSRS, &some);
		at += done > 0 ? done : 0;
		if (at < n && (done < 0 || !has_value(vcpu, &kept->entry[at++]))) {
			fail(w, "msrs");
			return;
		}
	}
}

/* Of memory types (SDM 3A, 12.11): no list of KVM's has them. A vCPU begins with zeros there. */
#define EIGHT(msr) msr, msr + 1, msr + 2, msr + 3, msr + 4, msr + 5, msr + 6, msr + 7
static const uint32_t mtrrs[] = { EIGHT(0x200), EIGHT(0x208), 0x250, 0x258,
				  0x259,        EIGHT(0x268), 0x2ff };

/* The registers that KVM names, and those, as far as it lets us read them. */
static void get_msrs(struct walk *w, struct machine *m, int vcpu, struct msrs *kept)
{
	static struct {
		struct kvm_msr_list head;
		uint32_t msr[MSRS_MAX];
	} list;
	static struct msrs some;
	uint32_t at = 0, n, named;

	list.head.nmsrs = MSRS_MAX - LENGTH(mtrrs);
	if (ioctl(m->kvm, KVM_GET_MSR_INDEX_LIST, &list) < 0)
		fail(w, "msrs");
	named = list.head.nmsrs;
	memcpy(list.msr + named, mtrrs, sizeof(mtrrs));
	for (n = named + LENGTH(mtrrs); !w->error && at < n; at++) {
		int done;

		some.head.nmsrs = n - at;
		for (uint32_t i = at; i < n; i++)
			some.entry[i - at] = (struct kvm_msr_entry){ .index = list.msr[i] };
		done = ioctl(vcpu, KVM_GET_MSRS, &some);
		if (done < 0)
			fail(w, "msrs");
		for (int i = 0; i < done; i++)
			if (at + i < named || some.entry[i].data)
				kept->entry[kept->head.nmsrs++] = some.entry[i];
		at += done > 0 ? done : 0;
	}
}

static void msrs(struct walk *w, struct machine *m, int vcpu, uint32_t index)
{
	static struct msrs kept;

	memset(&kept, 0, sizeof(kept));
	if (w->saving)
		get_msrs(w, m, vcpu, &kept);
	if (!transfer(w, "msrs", index, &kept, sizeof(kept)) || w->saving)
		return;
	if (kept.head.nmsrs > MSRS_MAX)
		fail(w, "msrs");
	else
		set_msrs(w, vcpu, &kept);
}

static void vcpu_items(struct walk *w, struct machine *m, uint32_t i)
{
	cpuid(w, m->vcpu[i], i);
	items(w, m->vcpu[i], i, before, LENGTH(before));
	msrs(w, m, m->vcpu[i], i); /* among them the deadline of a timer of the local APIC */
	items(w, m->vcpu[i], i, behind, LENGTH(behind));
}

/* ---- devices ---- */

static struct kept kept[KEPT_MAX];
static unsigned int nr_kept;
static const char *cannot; /* why there can be no snapshot, or NULL */

void snapshot_cannot(const char *why)
{
	cannot = why;
}

void snapshot_add(const struct kept *k)
{
	if (nr_kept == KEPT_MAX)
		snapshot_cannot("it has too many devices");
	else
		kept[nr_kept++] = *k;
}

/* EROFS's superblock has the image's own checksum and name. */
static void image_is_the_same(struct walk *w, struct machine *m)
{
	const uint8_t *now = m->image_at + 1024;
	uint8_t then[128];

	if (!m->image)
		return;
	memcpy(then, now, sizeof(then));
	if (transfer(w, "image", 0, then, sizeof(then)) && memcmp(then, now, sizeof(then)))
		fail(w, "the image is not the one that it was made with");
}

static void everything(struct walk *w, struct machine *m)
{
	image_is_the_same(w, m);
	machine_items(w, m);
	for (uint32_t i = 0; i < m->cpus; i++)
		vcpu_items(w, m, i);
	for (struct kept *k = kept; k < kept + nr_kept; k++) {
		if (w->saving && k->saving)
			fail(w, k->saving(k));
		if (transfer(w, k->id, k->index, k->data, k->size) && !w->saving && k->restored)
			fail(w, k->restored(m, k)); /* it may interrupt a vCPU: those are there */
	}
}

/* FNV-1a (64 bits), by words: finds what fell over, not who means harm; what that brings, the kernel checks. */
static uint32_t sum_of(const uint8_t *p, size_t n)
{
	uint64_t sum = 0xcbf29ce484222325, word;

	for (size_t i = 0; i + 8 <= n; i += 8) {
		memcpy(&word, p + i, 8);
		sum = (sum ^ word) * 0x100000001b3;
	}
	return sum ^ sum >> 32;
}

/* ---- to a file ---- */

static const char *write_at(int fd, const void *data, size_t n, uint64_t at)
{
	for (const uint8_t *p = data; n;) {
		ssize_t done = pwrite(fd, p, n, at);

		if (done <= 0)
			return strerror(done ? errno : ENOSPC);
		p += done;
		n -= done;
		at += done;
	}
	return NULL;
}

static bool is_zero(const uint8_t *page)
{
	const uint64_t *p = (const uint64_t *)page;

	for (size_t i = 0; i < PAGE / 8; i++)
		if (p[i])
			return false;
	return true;
}

static const char *write_memory(struct machine *m, int fd, uint64_t at)
{
	const char *error = NULL;
	uint64_t end;

	if (ftruncate(fd, at + m->ram_size) < 0)
		return strerror(errno);
	for (uint64_t i = 0; i < m->ram_size && !error; i = end) {
		for (; i < m->ram_size && is_zero(m->ram + i); i += PAGE)
			;
		for (end = i; end < m->ram_size && !is_zero(m->ram + end); end += PAGE)
			;
		error = write_at(fd, m->ram + i, end - i, at + i);
	}
	return error;
}

const char *snapshot_save(struct machine *m, int fd)
{
	struct walk w = { .saving = true, .size = RECORDS_MAX };
	struct head h = { .ram_size = m->ram_size,
			  .image_size = m->image_size,
			  .cpus = m->cpus,
			  .flags = (m->argv ? HAS_COMMAND : 0) | (m->console ? HAS_CONSOLE : 0) |
				   (m->interactive ? INTERACTIVE : 0) |
				   (m->terminal ? ON_TERMINAL : 0) | (m->pci ? HAS_PCI : 0) |
				   (m->card ? HAS_CARD : 0) | (m->vga ? HAS_SCREEN : 0) };

	if (m->handoff)
		return "its firmware has not come to the kernel yet";
	if (cannot)
		return cannot;
	w.data = calloc(1, RECORDS_MAX);
	if (!w.data)
		return "no memory";
	everything(&w, m);
	memcpy(h.magic, MAGIC VERSION, sizeof(h.magic) + sizeof(h.version));
	memcpy(h.devices, m->device_words, sizeof(h.devices));
	h.records_size = w.at;
	h.sum = sum_of(w.data, w.at);
	h.ram_at = ALIGN_UP(sizeof(h) + w.at, PAGE);
	if (m->image && !join(h.image, sizeof(h.image), m->image, NULL))
		fail(&w, "the image's path is too long");
	w.error = w.error ?: write_memory(m, fd, h.ram_at);
	w.error = w.error ?: write_at(fd, w.data, w.at, sizeof(h));
	/* last: what is cut off has no magic */
	w.error = w.error ?: write_at(fd, &h, sizeof(h), 0);
	free(w.data);
	return w.error;
}

/* ---- from a file ---- */

static struct {
	const char *path;
	int fd;
	struct head h;
} from;

struct written {
	bool known;
	uint64_t bits[1 << 13]; /* of at most 2 GiB */
};
static struct written *written; /* shared by the monitor and who waits for it */

static void refuse(const char *why)
{
	die(STATUS_FAILED, "%s: %s", from.path, why);
}

/* Its size. */
static off_t open_file(void)
{
	struct stat st;

	from.fd = open(from.path, O_RDONLY | O_CLOEXEC);
	if (from.fd < 0 || fstat(from.fd, &st) < 0)
		refuse(strerror(errno));
	return st.st_size;
}

static void read_head(struct head *h)
{
	off_t size = open_file();

	if (pread(from.fd, h, sizeof(*h), 0) != sizeof(*h) ||
	    memcmp(h->magic, MAGIC, sizeof(h->magic)))
		refuse("not a snapshot of a virtual machine (no \"" MAGIC "\")");
	if (memcmp(h->version, VERSION, sizeof(h->version)))
		refuse("a snapshot of another version of vm");
	if (!h->cpus || h->cpus > MAX_CPUS || h->ram_size % PAGE || h->ram_size < MEMORY_LEAST ||
	    h->ram_size > PCI_WINDOW || h->image[sizeof(h->image) - 1] ||
	    h->devices[WORDS_MAX - 1] || h->devices[WORDS_MAX - 2] ||
	    h->records_size > RECORDS_MAX ||
	    h->ram_at != ALIGN_UP(sizeof(*h) + h->records_size, PAGE))
		refuse("its head is damaged");
	close(from.fd);
	if (size != h->ram_at + h->ram_size)
		refuse("cut off: its memory is not all there");
}

void snapshot_open(struct machine *m, const char *path)
{
	static char *no_words[1];
	struct head *h = &from.h;

	from.path = path;
	read_head(h);
	m->cpus = h->cpus;
	m->memory = h->ram_size;
	m->image_size = h->image_size;
	m->image = h->image[0] ? h->image : NULL;
	m->argv = h->flags & HAS_COMMAND ? no_words : NULL;
	m->console = h->flags & HAS_CONSOLE;
	m->interactive = h->flags & INTERACTIVE;
	m->terminal = h->flags & ON_TERMINAL;
	m->pci = h->flags & HAS_PCI;
	m->card = h->flags & HAS_CARD;
	m->vga = h->flags & HAS_SCREEN;
	memcpy(m->device_words, h->devices, sizeof(h->devices));
	m->restored = true;
	written = mmap(NULL, sizeof(*written), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);
	if (written == MAP_FAILED)
		refuse(strerror(errno));
}

void snapshot_memory(struct machine *m)
{
	/* in the process that is to have it; what has another head by now has another sum */
	if (open_file() != from.h.ram_at + from.h.ram_size)
		refuse("it changed just now");
	if (m->image_size != from.h.image_size)
		refuse("the image is not the one that it was made with");
	if (m->firmware)
		firmware_load(m); /* it has a ROM, too; what it puts into memory is there already */
	if (mmap(m->ram, m->ram_size, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, from.fd, from.h.ram_at) == MAP_FAILED)
		refuse(strerror(errno));
}

/* ---- what a command will write ---- */

static void foresee(struct machine *m)
{
	ssize_t n = fgetxattr(from.fd, WRITTEN, written->bits, sizeof(written->bits));
	uint64_t pages = n < 0 ? 0 : n * 8UL;
	int left = WRITTEN_MAX;

	if (pages > m->ram_size / PAGE)
		pages = m->ram_size / PAGE;
	for (uint64_t i = 0, end; i < pages && left; i = end + 1) {
		for (end = i; end < pages && left && written->bits[end / 64] >> end % 64 & 1; end++)
			left--;
		if (end > i) /* a host that does not know it copies later */
			madvise(m->ram + i * PAGE, (end - i) * PAGE, MADV_POPULATE_WRITE);
	}
	m->watched &= n < 0 && errno == ENODATA && m->ram_size <= sizeof(written->bits) * 8 * PAGE;
	if (m->watched)
		memory_slot(m, 0, 0, m->ram, m->ram_size, KVM_MEM_LOG_DIRTY_PAGES);
}

void snapshot_learn(struct machine *m)
{
	struct kvm_dirty_log log = { .slot = 0 };

	if (!m->watched)
		return;
	log.dirty_bitmap = written->bits;
	written->known = !ioctl(m->vm, KVM_GET_DIRTY_LOG, &log);
	m->watched = false;
}

void snapshot_learnt(struct machine *m)
{
	if (written->known)
		setxattr(from.path, WRITTEN, written->bits, ALIGN_UP(m->memory / PAGE, 64) / 8, 0);
}

void snapshot_restore(struct machine *m)
{
	struct walk w = { .size = from.h.records_size };

	w.data = malloc(w.size);
	if (!w.data)
		die(STATUS_FAILED, "no memory");
	if (pread(from.fd, w.data, w.size, sizeof(from.h)) != w.size ||
	    sum_of(w.data, w.size) != from.h.sum)
		refuse("damaged: its sum is wrong");
	everything(&w, m);
	if (!w.error && w.at != w.size)
		fail(&w, "more records than expected");
	if (w.error)
		refuse(w.error);
	foresee(m);
	free(w.data);
	close(from.fd);
}
