/* SPDX-License-Identifier: MIT */
/* The files of /proc that belong to no task: memory, CPUs, times, and the few of /proc/sys. */
#include "proc/procfs.h"

#include <linux/capability.h>

#define NSEC_PER_TICK (NSEC_PER_SEC / 100)
typedef unsigned long long ull;

static void kb(struct strbuf *out, const char *name, u64 frames)
{
	char label[24];

	snprintf(label, sizeof(label), "%s:", name);
	sb_printf(out, "%-15s %8llu kB\n", label, (ull)(frames * (PAGE_SIZE / 1024)));
}

static int show_meminfo(struct strbuf *out, void *priv)
{
	struct mem_stats m;
	struct sched_stats s;

	mem_stats(&m);
	sched_stats(&s);
	kb(out, "MemTotal", m.total);
	kb(out, "MemFree", m.free);
	kb(out, "MemAvailable", m.free + m.device);
	kb(out, "Buffers", m.device);
	kb(out, "Cached", m.cache - m.device);
	kb(out, "SwapCached", 0);
	kb(out, "Active", m.anon + m.cache);
	kb(out, "Inactive", 0);
	kb(out, "SwapTotal", 0);
	kb(out, "SwapFree", 0);
	kb(out, "Dirty", 0);
	kb(out, "Writeback", 0);
	kb(out, "AnonPages", m.anon);
	kb(out, "Shmem", m.shmem);
	kb(out, "KReclaimable", 0);
	kb(out, "Slab", m.slab);
	kb(out, "SReclaimable", 0);
	kb(out, "SUnreclaim", m.slab);
	kb(out, "KernelStack", s.nr_threads * KSTACK_SIZE / PAGE_SIZE);
	return 0;
}

/* What is known of it; nothing is paged in or out, for there is no disk behind a page. */
static int show_vmstat(struct strbuf *out, void *priv)
{
	struct mem_stats m;

	mem_stats(&m);
	sb_printf(out,
		  "nr_free_pages %llu\nnr_anon_pages %llu\nnr_file_pages %llu\n"
		  "nr_slab_unreclaimable %llu\npgpgin 0\npgpgout 0\npswpin 0\npswpout 0\n",
		  (ull)m.free, (ull)m.anon, (ull)m.cache, (ull)m.slab);
	return 0;
}

static int show_partitions(struct strbuf *out, void *priv)
{
	blkdev_show_sizes(out);
	return 0;
}

static int show_diskstats(struct strbuf *out, void *priv)
{
	blkdev_show_stats(out);
	return 0;
}

static void stat_line(struct strbuf *out, u64 user, u64 sys, u64 idle)
{
	sb_printf(out, " %llu 0 %llu %llu 0 0 0 0 0 0\n", (ull)(user / NSEC_PER_TICK),
		  (ull)(sys / NSEC_PER_TICK), (ull)(idle / NSEC_PER_TICK));
}

static int show_kernel_stat(struct strbuf *out, void *priv)
{
	u64 user = 0, sys = 0, idle = 0, irqs = 0, u, s, i;
	struct sched_stats st;

	for (unsigned int n = 0; n < nr_cpus; n++) {
		sched_cpu_times(n, &u, &s, &i);
		user += u;
		sys += s;
		idle += i;
		irqs += cpus[n]->nr_irqs;
	}
	sb_printf(out, "cpu ");
	stat_line(out, user, sys, idle);
	for (unsigned int n = 0; n < nr_cpus; n++) {
		sched_cpu_times(n, &u, &s, &i);
		sb_printf(out, "cpu%u", n);
		stat_line(out, u, s, i);
	}
	sched_stats(&st);
	sb_printf(
		out,
		"intr %llu\nctxt %llu\nbtime %llu\nprocesses %llu\n"
		"procs_running %llu\nprocs_blocked 0\nsoftirq 0\n",
		(ull)irqs, (ull)st.nr_switches,
		(ull)((clock_offset(CLOCK_REALTIME) - clock_offset(CLOCK_BOOTTIME)) / NSEC_PER_SEC),
		(ull)st.nr_forks, (ull)st.nr_runnable);
	return 0;
}

static int show_uptime(struct strbuf *out, void *priv)
{
	u64 up = (clock_ns() + clock_offset(CLOCK_BOOTTIME)) / (NSEC_PER_SEC / 100), idle = 0, u, s,
	    i;

	for (unsigned int n = 0; n < nr_cpus; n++) {
		sched_cpu_times(n, &u, &s, &i);
		idle += i / (NSEC_PER_SEC / 100);
	}
	sb_printf(out, "%llu.%02llu %llu.%02llu\n", (ull)(up / 100), (ull)(up % 100),
		  (ull)(idle / 100), (ull)(idle % 100));
	return 0;
}

static int show_loadavg(struct strbuf *out, void *priv)
{
	struct pid_ns *ns = task_pid_ns(current);
	struct sched_stats s;

	sched_stats(&s);
	for (int i = 0; i < 3; i++) {
		u64 l = s.load[i] + 2048 / 200; /* rounded to hundredths */

		sb_printf(out, "%llu.%02llu ", (ull)(l >> 11), (ull)((l & 2047) * 100 >> 11));
	}
	sb_printf(out, "%llu/%llu %llu\n", (ull)s.nr_runnable, (ull)s.nr_threads,
		  (ull)max(ns->ids.next, 1UL) - 1);
	return 0;
}

static int show_version(struct strbuf *out, void *priv)
{
	sb_printf(out, "Linux version %s (dyad) %s\n", UTS_RELEASE, UTS_VERSION);
	return 0;
}

static int show_boot_cmdline(struct strbuf *out, void *priv)
{
	sb_printf(out, "%s\n", boot_info.cmdline);
	return 0;
}

static pid_t pid_shown(pid_t nr)
{
	struct pid *p = pid_find(&init_pid_ns, nr);

	nr = pid_nr_ns(p, task_pid_ns(current));
	pid_put(p);
	return nr;
}

static int show_locks(struct strbuf *out, void *priv)
{
	file_locks_show(out, pid_shown);
	return 0;
}

static int show_filesystems(struct strbuf *out, void *priv)
{
	fs_types_show(out);
	return 0;
}

/* The magazines of the CPUs come with use and stay: they say nothing of a leak. */
static void slab_count(void *arg, const char *name, size_t size, u64 used, u64 nr_frames_held)
{
	if (used && strcmp(name, "magazine"))
		sb_printf(arg, "slab_%s %llu\n", name, (ull)used);
}

void (*counts_settle)(void);

/* The leak check: of slabs the objects in use, not the frames, which the caches keep for a while. */
static int show_counts(struct strbuf *out, void *priv)
{
	struct mem_stats m;

	if (counts_settle)
		counts_settle();
	dentry_shrink(~0UL, false, NULL); /* names are kept as long as there is memory */
	cache_reclaim(~0UL, NULL); /* and so are the pages of disks */
	mem_stats(&m);
	sb_printf(out, "frames_kernel %llu\nframes_anon %llu\nframes_cache %llu\n", (ull)m.kernel,
		  (ull)m.anon, (ull)(m.cache - m.device));
	kmem_cache_each(slab_count, out);
	counts_show(out);
	return 0;
}

static void slab_line(void *arg, const char *name, size_t size, u64 used, u64 nr_frames_held)
{
	u64 slots = nr_frames_held * PAGE_SIZE / max(size, 1UL);

	sb_printf(arg,
		  "%-17s %6llu %6llu %6llu %4llu %4d : tunables 0 0 0 : slabdata %6llu %6llu 0\n",
		  name, (ull)used, (ull)max(slots, used), (ull)size,
		  (ull)(PAGE_SIZE / max(min(size, PAGE_SIZE), 1UL)), 1, (ull)nr_frames_held,
		  (ull)nr_frames_held);
}

static int show_slabinfo(struct strbuf *out, void *priv)
{
	sb_printf(out, "slabinfo - version: 2.1\n# name            <active_objs> <num_objs> "
		       "<objsize> <objperslab> <pagesperslab> : tunables <limit> <batchcount> "
		       "<sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>\n");
	kmem_cache_each(slab_line, out);
	return 0;
}

/* ---- cpuinfo ---- */

/* Names of feature bits from bit 0 on, as Linux has them; "-" for those without one. */
static const char flags_1_edx[] =
	"fpu vme de pse tsc msr pae mce cx8 apic - sep mtrr pge mca cmov pat pse36 pn clflush - "
	"dts acpi mmx fxsr sse sse2 ss ht tm ia64 pbe";
static const char flags_1_ecx[] =
	"pni pclmulqdq dtes64 monitor ds_cpl vmx smx est tm2 ssse3 cid sdbg fma cx16 xtpr pdcm - "
	"pcid dca sse4_1 sse4_2 x2apic movbe popcnt tsc_deadline_timer aes xsave - avx f16c "
	"rdrand hypervisor";
static const char flags_7_ebx[] =
	"fsgsbase tsc_adjust - bmi1 hle avx2 fdp_excptn_only smep bmi2 erms invpcid rtm cqm - mpx "
	"rdt_a avx512f avx512dq rdseed adx smap avx512ifma - clflushopt clwb intel_pt avx512pf "
	"avx512er avx512cd sha_ni avx512bw avx512vl";
static const char flags_81_edx[] =
	"- - - - - - - - - - - syscall - - - - - - - - nx - - - - - pdpe1gb rdtscp - lm - -";
static const char flags_81_ecx[] = "lahf_lm - svm - - abm sse4a - 3dnowprefetch";

static void cpu_flags(struct strbuf *out, u32 bits, const char *names)
{
	for (; *names; bits >>= 1) {
		const char *end = strchr(names, ' ');
		int len = end ? (int)(end - names) : (int)strlen(names);

		if ((bits & 1) && *names != '-')
			sb_printf(out, " %.*s", len, names);
		names += len + !!end;
	}
}

static void cpu_model(struct strbuf *out)
{
	struct cpuid_regs v = cpuid(0, 0), m = cpuid(1, 0);
	u32 name[13] = { 0 }, family = m.eax >> 8 & 15, model = m.eax >> 4 & 15;
	const char *text = (const char *)name;
	char vendor[13];

	memcpy(vendor, &v.ebx, 4);
	memcpy(vendor + 4, &v.edx, 4);
	memcpy(vendor + 8, &v.ecx, 4);
	vendor[12] = 0;
	if (family == 15 || family == 6)
		model |= m.eax >> 12 & 0xf0;
	if (family == 15)
		family += m.eax >> 20 & 0xff;
	for (u32 i = 0; i < 3 && cpuid(0x80000000, 0).eax >= 0x80000004; i++) {
		struct cpuid_regs r = cpuid(0x80000002 + i, 0);

		memcpy(&name[i * 4], &r, sizeof(r));
	}
	while (*text == ' ')
		text++;
	sb_printf(out,
		  "vendor_id\t: %s\ncpu family\t: %u\nmodel\t\t: %u\nmodel name\t: %s\n"
		  "stepping\t: %u\n",
		  vendor, family, model, *text ? text : "unknown", m.eax & 15);
}

static int show_cpuinfo(struct strbuf *out, void *priv)
{
	u32 max_ext = cpuid(0x80000000, 0).eax, max_basic = cpuid(0, 0).eax;
	struct cpuid_regs c1 = cpuid(1, 0), c7 = { 0 }, x1 = { 0 }, x8 = { 0 };

	if (max_basic >= 7)
		c7 = cpuid(7, 0);
	if (max_ext >= 0x80000001)
		x1 = cpuid(0x80000001, 0);
	if (max_ext >= 0x80000008)
		x8 = cpuid(0x80000008, 0);
	for (unsigned int n = 0; n < nr_cpus; n++) {
		sb_printf(out, "processor\t: %u\n", n);
		cpu_model(out);
		sb_printf(out,
			  "cpu MHz\t\t: %llu.%03llu\nphysical id\t: 0\nsiblings\t: %u\n"
			  "core id\t\t: %u\ncpu cores\t: %u\napicid\t\t: %u\nfpu\t\t: yes\n"
			  "fpu_exception\t: yes\ncpuid level\t: %u\nwp\t\t: yes\nflags\t\t:",
			  (ull)(tsc_khz / 1000), (ull)(tsc_khz % 1000), nr_cpus, n, nr_cpus,
			  cpus[n]->apic_id, max_basic);
		cpu_flags(out, c1.edx, flags_1_edx);
		cpu_flags(out, x1.edx, flags_81_edx);
		cpu_flags(out, c1.ecx, flags_1_ecx);
		cpu_flags(out, x1.ecx, flags_81_ecx);
		cpu_flags(out, c7.ebx, flags_7_ebx);
		sb_printf(out,
			  "\nbogomips\t: %llu.%02llu\nclflush size\t: %u\n"
			  "cache_alignment\t: 64\naddress sizes\t: %u bits physical, %u bits "
			  "virtual\npower management:\n\n",
			  (ull)(tsc_khz / 500), (ull)(tsc_khz / 5 % 100), (c1.ebx >> 8 & 255) * 8,
			  x8.eax ? x8.eax & 255 : 36, x8.eax ? x8.eax >> 8 & 255 : 48);
	}
	return 0;
}

/* ---- /proc/sys ---- */

int sysctl_parse(char *text, u64 *v, unsigned int n)
{
	unsigned int got = 0;

	while (got < n) {
		char *end;

		while (*text && strchr(" \t\n", *text))
			text++;
		for (end = text; *end && !strchr(" \t\n", *end);)
			end++;
		if (end == text)
			break;
		if (*end)
			*end++ = 0;
		if (parse_u64(text, 10, &v[got++]))
			return -EINVAL;
		text = end;
	}
	return got ? (int)got : -EINVAL;
}

static int show_text(struct strbuf *out, void *priv)
{
	sb_printf(out, "%s\n", (const char *)priv);
	return 0;
}

static int show_uts(struct strbuf *out, void *priv)
{
	struct new_utsname u;

	do_uname(&u);
	sb_printf(out, "%s\n", priv ? u.domainname : u.nodename);
	return 0;
}

static ssize_t write_uts(void *priv, char *buf, size_t n)
{
	char *nl = strchr(buf, '\n');
	size_t len;
	int err;

	if (nl)
		*nl = 0;
	len = min(strlen(buf), (size_t)64);
	err = priv ? do_setdomainname(buf, len) : do_sethostname(buf, len);
	return err ? err : (ssize_t)n;
}

static int show_pid_max(struct strbuf *out, void *priv)
{
	sb_printf(out, "%u\n", task_pid_ns(current)->pid_max);
	return 0;
}

/* priv: an int that is 0 or 1 */
static int show_switch(struct strbuf *out, void *priv)
{
	sb_printf(out, "%d\n", *(int *)priv);
	return 0;
}

static int show_limit(struct strbuf *out, void *priv)
{
	sb_printf(out, "%lu\n", READ_ONCE(*(u64 *)priv));
	return 0;
}

static ssize_t write_limit(void *priv, char *buf, size_t n)
{
	char *nl = strchr(buf, '\n');
	u64 v;

	if (nl)
		*nl = '\0';
	if (parse_u64(buf, 10, &v) || v < 1 || v > 0x7fffffff)
		return -EINVAL;
	WRITE_ONCE(*(u64 *)priv, v);
	return n;
}

static ssize_t write_switch(void *priv, char *buf, size_t n)
{
	char *nl = strchr(buf, '\n');
	u64 v;

	if (nl)
		*nl = '\0';
	if (parse_u64(buf, 10, &v) || v > 1)
		return -EINVAL;
	WRITE_ONCE(*(int *)priv, v);
	return n;
}

/* priv: two words that stay the same, or NULL for a new one each time. */
static int show_uuid(struct strbuf *out, void *priv)
{
	u64 id[2], a, b;

	random_bytes(id, sizeof(id));
	a = priv ? ((u64 *)priv)[0] : id[0];
	b = priv ? ((u64 *)priv)[1] : id[1];
	sb_printf(out, "%08x-%04x-4%03x-%04x-%012llx\n", (u32)(a >> 32), (u32)(a >> 16 & 0xffff),
		  (u32)(a & 0xfff), (u32)(b >> 48 & 0x3fff) | 0x8000, (ull)(b & 0xffffffffffffUL));
	return 0;
}

void procfs_sys_init(void)
{
	static const struct pseudo_file files[] = {
		{ .name = "cmdline", .mode = 0444, .show = show_boot_cmdline },
		{ .name = "cpuinfo", .mode = 0444, .show = show_cpuinfo },
		{ .name = "locks", .mode = 0444, .show = show_locks },
		{ .name = "diskstats", .mode = 0444, .show = show_diskstats },
		{ .name = "filesystems", .mode = 0444, .show = show_filesystems },
		{ .name = "loadavg", .mode = 0444, .show = show_loadavg },
		{ .name = "meminfo", .mode = 0444, .show = show_meminfo },
		{ .name = "partitions", .mode = 0444, .show = show_partitions },
		{ .name = "slabinfo", .mode = 0400, .show = show_slabinfo },
		{ .name = "stat", .mode = 0444, .show = show_kernel_stat },
		{ .name = "uptime", .mode = 0444, .show = show_uptime },
		{ .name = "vmstat", .mode = 0444, .show = show_vmstat },
		{ .name = "version", .mode = 0444, .show = show_version },
		{ .name = "dyad/counts", .mode = 0444, .show = show_counts },
		{ .name = "sys/kernel/pid_max", .mode = 0444, .show = show_pid_max },
		{ .name = "sys/kernel/random/uuid", .mode = 0444, .show = show_uuid },
		{ .name = "sys/kernel/hostname",
		  .mode = 0644,
		  .show = show_uts,
		  .write = write_uts },
	};
	static const struct pseudo_file domain = {
		.name = "sys/kernel/domainname", .mode = 0644, .show = show_uts, .write = write_uts
	};
	static const struct pseudo_file boot_id = { .name = "sys/kernel/random/boot_id",
						    .mode = 0444,
						    .show = show_uuid };
#define SWITCH(n)                                                                                  \
	{                                                                                          \
		.name = n, .mode = 0600, .show = show_switch, .write = write_switch                \
	}
	static const struct pseudo_file symlinks = SWITCH("sys/fs/protected_symlinks");
	static const struct pseudo_file hardlinks = SWITCH("sys/fs/protected_hardlinks");
	static const struct pseudo_file mounts = {
		.name = "sys/fs/mount-max", .mode = 0644, .show = show_limit, .write = write_limit
	};
	static u64 boot_uuid[2];
	static const struct {
		struct pseudo_file pf;
		const char *text;
	} fixed[] = {
#define FIXED(n, t) { { .name = n, .mode = 0444, .show = show_text }, t }
		FIXED("sys/kernel/ostype", "Linux"),
		FIXED("sys/kernel/osrelease", UTS_RELEASE),
		FIXED("sys/kernel/version", UTS_VERSION),
		FIXED("sys/kernel/cap_last_cap", "40"),
		FIXED("sys/kernel/ngroups_max", "65536"),
		FIXED("sys/kernel/overflowuid", "65534"),
		FIXED("sys/kernel/overflowgid", "65534"),
		FIXED("sys/vm/overcommit_memory", "0"),
		FIXED("sys/fs/pipe-max-size", "1048576"),
	};

	for (int i = 0; i < ARRAY_SIZE(files); i++)
		procfs_add(&files[i], NULL);
	procfs_add(&symlinks, &fs_protected_symlinks);
	procfs_add(&hardlinks, &fs_protected_hardlinks);
	procfs_add(&mounts, &mount_max);
	procfs_add(&domain, init_uts_ns.domainname);
	random_bytes(boot_uuid, sizeof(boot_uuid));
	procfs_add(&boot_id, boot_uuid);
	for (int i = 0; i < ARRAY_SIZE(fixed); i++)
		procfs_add(&fixed[i].pf, (void *)fixed[i].text);
}
