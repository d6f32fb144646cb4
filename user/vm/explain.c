/* SPDX-License-Identifier: MIT */
/*
 * `vm explain`: what a machine is made of, beside the host (common/explain.c). What only the monitor knows,
 * the guest's memory and devices, it tells by the control socket, as lines of "LEVEL TEXT"; all else is read
 * from /proc, cgroup2 and the file of stats.c, so it is there of a machine that is paused, too.
 */
#include <time.h>

#include "pci.h"

#define RANGE "0x%08lx-0x%08lx"
#define PARTS_MAX 24
#define PATIENCE 2 /* seconds, for the monitor's answer */

/* ---- the monitor's side ---- */

static struct part {
	const char *what, *file;
	uint64_t start, size;
} parts[PARTS_MAX];
static int nr_parts;

void part_add(const char *what, const char *file, uint64_t start, uint64_t end)
{
	int i = nr_parts;

	if (i == PARTS_MAX || end <= start)
		return;
	for (nr_parts++; i && parts[i - 1].start > start; i--)
		parts[i] = parts[i - 1];
	parts[i] = (struct part){ what, file ? file : "", start, end - start };
}

static void tell_range(int level, uint64_t start, uint64_t size, const char *what, const char *more)
{
	char text[TEXT_SIZE];

	if (size)
		print("%d " RANGE "  %-7s %s %s\n", level, start, start + size - 1,
		      size_text(size, text), what, more);
}

/* The ranges are those of the memory slots, what is in them the loader has put there. */
static void tell_memory(struct machine *m)
{
	uint64_t end = m->ram_size + m->image_size, rom = (1UL << 32) - m->rom.size;
	struct mmio_place places[MMIO_MAX];

	print("1 guest-physical memory, of %u CPU%s\n", m->cpus, m->cpus == 1 ? "" : "s");
	tell_range(2, 0, m->ram_size, "RAM", m->restored ? "of a snapshot" : "");
	for (int i = 0; i < nr_parts; i++)
		tell_range(3, parts[i].start, parts[i].size, parts[i].what, parts[i].file);
	tell_range(2, m->ram_size, m->image_size, "image, read-only", m->image ? m->image : "");
	tell_range(2, end, PCI_WINDOW - end, "nothing", "");
	tell_range(2, PCI_WINDOW, PCI_WINDOW_END - PCI_WINDOW, "devices of the PCI bus", "");
	tell_range(2, IO_APIC, PAGE, "I/O APIC", "(KVM's)");
	tell_range(2, MMIO_WINDOW, virtio_mmio_places(places) * MMIO_SIZE, "virtio devices", "");
	tell_range(2, LOCAL_APIC, PAGE, "local APICs", "(KVM's)");
	tell_range(2, rom, m->rom.size, "ROM, copied", m->firmware);
}

/* Linux's KVM counts the pages by their size: api.rst, KVM_GET_STATS_FD. */
static void tell_pages(struct machine *m)
{
	struct kvm_stats_header h;
	struct {
		struct kvm_stats_desc d;
		char name[64];
	} s;
	int fd = ioctl(m->vm, KVM_GET_STATS_FD, 0);
	uint64_t v;

	if (fd < 0)
		print("2 pages in them: not told by this kernel (KVM_GET_STATS_FD)\n");
	if (fd < 0 || pread(fd, &h, sizeof(h), 0) != sizeof(h) || h.name_size > sizeof(s.name))
		h.num_desc = 0;
	for (uint32_t i = 0; i < h.num_desc; i++) {
		size_t size = sizeof(s.d) + h.name_size;

		if (pread(fd, &s, size, h.desc_offset + i * size) == (ssize_t)size &&
		    !strncmp(s.name, "pages_", 6) &&
		    pread(fd, &v, sizeof(v), h.data_offset + s.d.offset) == sizeof(v))
			print("2 pages of %-15.63s %lu\n", s.name + 6, v);
	}
	close(fd);
}

static void tell_device(int level, const struct region *r, const char *line, const char *name,
			uint64_t requests, const char *behind)
{
	char range[40] = "-";

	if (r && r->start != NOWHERE)
		format(range, sizeof(range), r->space == PORTS ? "ports 0x%lx-0x%lx" : RANGE,
		       r->start, r->start + r->size - 1);
	print("%d %-*s %-6s %-19s %8lu  %s\n", level, 43 - 3 * level, range, line, name, requests,
	      behind ? behind : "");
}

static void tell_region(const struct region *r)
{
	char line[TEXT_SIZE];

	format(line, sizeof(line), r->irq ? "%u" : "-", r->irq);
	if (r->name)
		tell_device(2, r, line, r->name, r->requests ? *r->requests : r->accesses,
			    r->behind);
}

static void tell_function(const struct pci_function *f)
{
	char line[TEXT_SIZE], name[64];

	format(line, sizeof(line),
	       pci_msix_on(f)                 ? "MSI-X"
	       : f->config[PCI_INTERRUPT_PIN] ? "%u"
					      : "-",
	       PCI_LINE(f->devfn >> 3));
	format(name, sizeof(name), "%02x.%x %s", f->devfn >> 3, f->devfn & 7, f->name);
	tell_device(2, NULL, line, name, f->requests ? *f->requests : 0, f->behind);
	for (unsigned int i = 0; i < PCI_BARS; i++)
		if (f->bar[i].size)
			tell_device(3, &f->bar[i], "", i ? "MSI-X table" : "registers",
				    f->bar[i].accesses, "");
}

void explain_tell(struct machine *m, int fd)
{
	print_to(fd);
	print("m %lx %lx\nm %lx %lx\n", (uintptr_t)m->ram, m->ram_size, (uintptr_t)m->image_at,
	      m->image_size);
	tell_memory(m);
	print("b\nt\n");
	tell_pages(m);
	print("1 %-40s %-6s %-19s %8s  %s\n", "devices", "line", "", "requests", "behind it");
	print("2 %-37s %-6s %-19s %8s\n", "ports 0x20-0x21, 0xa0-0xa1", "-", "8259 PICs",
	      "(KVM's)");
	print("2 %-37s %-6s %-19s %8s\n", "ports 0x40-0x43", "0", "8254 PIT", "(KVM's)");
	bus_each(tell_region);
	pci_each(tell_function);
	print_to(1);
}

/* ---- who asks: what the kernel shows of the monitor ---- */

static struct {
	uint64_t host, size;
} at[2]; /* where RAM and image are, in the monitor */

/* "start-end", the file behind it, and what of it is there; it is the guest's from `from` on. */
static void add_mapping(uint64_t start, uint64_t end, const char *file, uint64_t rss, uint64_t huge)
{
	char size[TEXT_SIZE], touched[TEXT_SIZE], large[TEXT_SIZE];
	uint64_t guest = 0;

	for (int i = 0; i < 2; guest += at[i++].size) {
		uint64_t from = start > at[i].host ? start : at[i].host,
			 to = end < at[i].host + at[i].size ? end : at[i].host + at[i].size;

		if (from >= to)
			continue;
		tree_add(3, RANGE "  %-7s %-7s %-7s %s", guest + from - at[i].host,
			 guest + to - at[i].host - 1, size_text(to - from, size),
			 size_text(rss < to - from ? rss : to - from, touched),
			 size_text(huge, large), *file ? file : "(memory of nobody's file)");
	}
}

/* /proc/PID/smaps, proc(5): a line for each mapping, then lines of "Key: N kB". */
static void add_mappings(const struct state *s)
{
	struct lines l = { 0 };
	uint64_t start = 0, end = 0, rss = 0, huge = 0;
	char path[64], file[128] = "", *line, *p;

	format(path, sizeof(path), "/proc/%d/smaps", s->pid);
	l.fd = open(path, O_RDONLY | O_CLOEXEC);
	tree_add(2, "%-23s  %-7s %-7s %-7s %s", "behind it, in the monitor", "size", "touched",
		 "as 2M", "file");
	while ((line = next_line(&l))) {
		if (!strncmp(line, "Rss:", 4)) {
			rss = to_number(line + strcspn(line, "0123456789"), NULL, 10) << 10;
		} else if (strstr(line, "HugePages:") == line + 4 || strstr(line, "PmdMapped:")) {
			huge += to_number(line + strcspn(line, "0123456789"), NULL, 10) << 10;
		} else if (!strncmp(line, "VmFlags:", 8)) {
			add_mapping(start, end, file, rss, huge);
			rss = huge = 0;
		} else if (line[strcspn(line, " -")] == '-') {
			start = to_number(line, &p, 16);
			end = to_number(p + 1, &p, 16);
			p = strchr(p, '/');
			format(file, sizeof(file), "%s", p ? p : "");
		}
	}
	close(l.fd);
}

/* The memory of the second-level tables: memory.stat, as Linux has it since 6.1. */
static void add_tables(const struct state *s)
{
	int cgroup = cgroup_open(s->cgroup);
	int64_t bytes = cgroup < 0 ? -1 : cgroup_number(cgroup, "memory.stat", "sec_pagetables");
	char text[TEXT_SIZE];

	tree_add(1, "second-level page tables, of the guest's memory");
	if (bytes < 0)
		tree_add(2, "their memory: not told by this kernel (memory.stat, sec_pagetables)");
	else
		tree_add(2, "%-24s %s", "their memory", size_text(bytes, text));
	close(cgroup);
}

static void add_thread(int dir, const char *tid, void *arg)
{
	const struct state *s = arg;
	char path[64], text[1024], role[32] = "devices", entries[TEXT_SIZE] = "", *p;
	uint64_t ticks = 0, count;

	join(path, sizeof(path), tid, "/stat", NULL);
	if (read_small(dir, path, text, sizeof(text)) < 0 || !(p = strrchr(text, ')')))
		return; /* it ended */
	for (unsigned int i = 0; i < MAX_CPUS; i++)
		if (stats_thread(s, i, &count) == (pid_t)to_number(tid, NULL, 10)) {
			format(role, sizeof(role), "vCPU %u", i);
			format(entries, sizeof(entries), "%lu", count);
		}
	/* proc(5): 2 is before p, 14 and 15 are times */
	for (int field = 2; *p && field < 15; field++) {
		p += 1 + strcspn(p + 1, " ");
		ticks += field >= 13 ? to_number(p + 1, NULL, 10) : 0;
	}
	p = strrchr(text, ')') + 2;
	tree_add(2, "%-15s %-8s %c      %4lu.%02lus  %s", role, tid, *p, ticks / 100, ticks % 100,
		 entries);
}

static void add_file(int dir, const char *fd, void *arg)
{
	char target[256];
	ssize_t n = readlinkat(dir, fd, target, sizeof(target) - 1);

	target[n > 0 ? n : 0] = 0;
	tree_add(2, "%-5s %s", fd, target);
}

static void add_folder(const struct state *s, const char *folder,
		       void (*fn)(int dir, const char *name, void *arg))
{
	char path[64];
	int dir;

	format(path, sizeof(path), "/proc/%d/%s", s->pid, folder);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	each_name(dir, fn, (void *)s);
	close(dir);
}

/* What the monitor told; "b" and "t" are where our part of the memory and of the tables belongs. */
static void add_told(const struct state *s, int fd)
{
	struct lines l = { .fd = fd };
	char *line, *p;
	int i = 0;

	lseek(fd, 0, SEEK_SET);
	while ((line = next_line(&l)))
		if (*line == 'm' && i < 2) {
			at[i].host = to_number(line + 2, &p, 16);
			at[i++].size = to_number(p + 1, NULL, 16);
		} else if (*line == 'b') {
			add_mappings(s);
		} else if (*line == 't') {
			add_tables(s);
		} else if (*line >= '1' && *line <= '3') {
			tree_add(*line - '0', "%.150s", line + 2);
		}
}

int explain_verb(int argc, char **argv)
{
	int told = memfd_create("explain", MFD_CLOEXEC);
	char age[TEXT_SIZE];
	const char *wrong;
	struct state s;

	state_find(argv[0], &s);
	tree_add(0, "%s: image %s, since %s; monitor %d, kept by %d", s.name, s.image,
		 age_text(time(NULL) - s.started, age), s.pid, s.keeper);
	wrong = told < 0 ? strerror(errno) : control_ask(&s, 'e', told, PATIENCE);
	if (wrong) {
		tree_add(1, "guest-physical memory and devices: %s", wrong);
		add_tables(&s);
	} else {
		add_told(&s, told);
	}
	tree_add(1, "%-17s %-8s %-6s %9s  %s", "threads", "tid", "state", "CPU time", "entries");
	add_folder(&s, "task", add_thread);
	tree_namespaces(&s);
	tree_network(&s);
	tree_rights(&s, "rights of the monitor");
	tree_group(&s);
	tree_add(1, "open files");
	add_folder(&s, "fd", add_file);
	tree_print();
	return 0;
}
