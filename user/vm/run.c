/* SPDX-License-Identifier: MIT */
/*
 * `vm run`: one machine's life. The monitor is a child of who clears away after it: of this process, or of a
 * keeper (life.h). Its first thread sets everything up, starts one thread for each vCPU and then plays the
 * devices for the world outside: signals, the terminal, the agent's clients. It is in a cgroup of its own before
 * it allocates, and in a sandbox before a vCPU runs.
 */
#include <limits.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <time.h>

#include "pci.h"
#include "virtio.h"

#define VCPU_STACK 65536
#define ESCAPE 1 /* Ctrl-A; then x ends the machine, Ctrl-A is itself */
#define MEMORY_DYAD (64UL << 20) /* without --mem */
#define MEMORY_LINUX (128UL << 20)
#define MEMORY_SHARED (128UL << 20)

static struct machine m;
static struct { /* what is not the machine's by itself */
	uint64_t cpus;
	const char *name, *kernel, *transport;
	struct surroundings around;
	bool stdin_, terminal, detach, remove, rng, hvc;
	struct opt_list disks, nets, shares, ports;
	bool bridge; /* --net bridge, or --publish, which means it */
} opt = { .cpus = 1 };

/* Those that say what devices there are: a snapshot has them in it. */
/* clang-format off */
#define DEVICE_OPTIONS \
	{ "--boot16", 0, OPT_FLAG, &m.boot16, NULL, \
	  "starts a Linux kernel at its 16-bit entry (64- or 32-bit without)" }, \
	{ "--firmware", 0, OPT_TEXT, &m.firmware, "FILE", \
	  "another firmware than SeaBIOS; boots the CD or the disk" }, \
	{ "--cdrom", 0, OPT_TEXT, &m.cdrom, "FILE", "an IDE CD" }, \
	{ "--floppy", 0, OPT_TEXT, &m.floppy, "FILE", \
	  "a floppy disk, which the firmware keeps in memory and boots before all others" }, \
	{ "--vga", 0, OPT_FLAG, &m.vga, NULL, \
	  "screen and keyboard of a PC on the terminal, not COM1" }, \
	{ "--disk", 0, OPT_LIST, &opt.disks, "FILE[,ro][,ide|,sata]", \
	  "a disk: /dev/vda, the next one /dev/vdb; or one of four IDE disks, or the SATA disk" }, \
	{ "--share", 0, OPT_LIST, &opt.shares, "DIR[:PATH][,ro]", \
	  "a folder of the host's, in the guest at PATH, or at the same place" }, \
	{ "--net", 0, OPT_LIST, &opt.nets, "none|bridge|DEVICE", \
	  "none (as without), an eth0 on the bridge vm0, a device of the host's that the guest takes over, or tap:NAME" }, \
	{ "--rng", 0, OPT_FLAG, &opt.rng, NULL, "a source of random bytes" }, \
	{ "--hvc", 0, OPT_FLAG, &opt.hvc, NULL, \
	  "a virtio console (hvc0) that has the terminal's input, not COM1" }, \
	{ "--transport", 0, OPT_TEXT, &opt.transport, "pci|mmio", \
	  "how virtio devices are there: on the PCI bus, or in memory and on no bus" }
/* clang-format on */
static const struct opt device_options[] = { DEVICE_OPTIONS, { .name = NULL } };

const struct opt run_options[] = {
	{ "--mem", 'm', OPT_SIZE, &m.memory, "SIZE",
	  "memory of the machine: 32M, 1G (64M without; Linux: 128M)" },
	{ "--memory", 0, OPT_SIZE, &m.memory, "SIZE", "the same" },
	{ "--cpus", 0, OPT_NUMBER, &opt.cpus, "N", "virtual CPUs (1 without)" },
	{ "--name", 'n', OPT_TEXT, &opt.name, "NAME", "what ps calls it, and its host name" },
	SURROUNDINGS_OPTIONS(opt.around, "image"),
	{ "--publish", 'p', OPT_LIST, &opt.ports, "[[IP:]PORT:]PORT[/udp]",
	  "a port of the host's leads to one of the machine's; means --net bridge" },
	{ "--detach", 'd', OPT_FLAG, &opt.detach, NULL,
	  "leave it running, and print its name; its output goes to `vm logs`" },
	{ "--interactive", 'i', OPT_FLAG, &opt.stdin_, NULL, "the command reads stdin" },
	{ "--tty", 't', OPT_FLAG, &opt.terminal, NULL,
	  "the command has a terminal; ctrl-p ctrl-q leaves it running" },
	{ "--rm", 0, OPT_FLAG, &opt.remove, NULL,
	  "nothing is left of one that was detached, either" },
	{ "--kernel", 'k', OPT_TEXT, &opt.kernel, "FILE",
	  "the guest's kernel (/lib/dyad/dyad.elf); linux: Debian's (/lib/dyad/linux)" },
	{ "--initrd", 0, OPT_TEXT, &m.initrd, "FILE",
	  "initial file system of Linux, module of others" },
	{ "--append", 0, OPT_TEXT, &m.append, "TEXT", "more for the kernel's command line" },
	DEVICE_OPTIONS,
	{ "--idle", 0, OPT_NUMBER, &m.idle, "SECONDS",
	  "ends when no command of `vm exec` has run in it for so long" },
	{ "--container", 0, OPT_TEXT, &m.ctr, "CTR",
	  "in a container by this ctr, inside a machine that all such share" },
	{ "--console", 0, OPT_FLAG, &m.console, NULL, "shows the kernel's console on stderr" },
	{ .name = NULL },
};
const struct opt restore_options[] = {
	{ "--name", 'n', OPT_TEXT, &opt.name, "NAME", "what ps calls it" },
	{ "--detach", 'd', OPT_FLAG, &opt.detach, NULL, "leave it running, and print its name" },
	{ "--rm", 0, OPT_FLAG, &opt.remove, NULL,
	  "nothing is left of one that was detached, either" },
	{ .name = NULL },
};

/* ---- the end, told by any thread ---- */

static int end_status = -1; /* atomic */

void machine_end(int status)
{
	int none = -1;

	__atomic_compare_exchange_n(&end_status, &none, status, false, __ATOMIC_SEQ_CST,
				    __ATOMIC_SEQ_CST);
	watch_wake();
}

/* What does not get to stdout is told as to any program: by SIGPIPE, or an error. stderr may be lost. */
bool machine_output(int fd, const void *data, size_t n)
{
	if (write_all(fd, data, n))
		return true;
	if (fd == 1 && errno != EPIPE)
		warn("stdout: %s", strerror(errno));
	if (fd == 1)
		machine_end(errno == EPIPE ? 128 + SIGPIPE : STATUS_FAILED);
	return false;
}

bool machine_is_over(void)
{
	return __atomic_load_n(&end_status, __ATOMIC_SEQ_CST) >= 0;
}

/* ---- the terminal ---- */

static bool terminal_raw;

/* Takes Ctrl-A x out of what was typed. The bytes left. */
static size_t take_escapes(uint8_t *buf, size_t n)
{
	static bool escape;
	size_t out = 0;

	for (size_t i = 0; i < n; i++) {
		if (!escape && buf[i] == ESCAPE) {
			escape = true;
			continue;
		}
		if (escape && buf[i] == 'x')
			machine_end(128 + SIGKILL);
		escape = false;
		buf[out++] = buf[i];
	}
	return out;
}

static void forward_input(struct machine *m, void *device, short events);
static struct watch input = { .fd = 0, .fn = forward_input };
static bool input_ended;

/* What is typed is for the keyboard where there is a screen, else for COM1; the virtio console goes before both. */
static size_t input_room(struct machine *m)
{
	if (opt.hvc)
		return console_room();
	return m->vga ? keyboard_room() : uart_room();
}

static void forward_input(struct machine *m, void *device, short events)
{
	uint8_t buf[16];
	size_t room = input_room(m);
	ssize_t n;

	if (!room) { /* until want_input() */
		watch_set(&input, 0);
		return;
	}
	n = read(0, buf, room < sizeof(buf) ? room : sizeof(buf));
	if (n <= 0) {
		input_ended = n == 0 || (errno != EINTR && errno != EAGAIN);
		watch_set(&input, input_ended ? 0 : POLLIN);
		return;
	}
	if (terminal_raw)
		n = take_escapes(buf, n);
	if (opt.hvc)
		console_input(buf, n);
	else if (m->vga)
		keyboard_input(m, buf, n);
	else
		uart_input(m, buf, n);
	watch_set(&input, input_room(m) ? POLLIN : 0);
}

void want_input(void)
{
	watch_set(&input, input_ended ? 0 : POLLIN);
}

/* ---- threads ---- */

static void *vcpu_main(void *number)
{
	machine_run(&m, (uintptr_t)number);
	return NULL;
}

static void start_vcpus(void)
{
	pthread_attr_t attr;
	pthread_t thread;
	int err;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, VCPU_STACK);
	for (uintptr_t i = 0; i < m.cpus; i++) {
		err = pthread_create(&thread, &attr, vcpu_main, (void *)i);
		if (err)
			die(STATUS_FAILED, "cannot start a thread: %s", strerror(err));
	}
}

static void take_signal(struct machine *m, void *device, short events);
static struct watch signals = { .events = POLLIN, .fn = take_signal };

static void take_signal(struct machine *m, void *device, short events)
{
	struct signalfd_siginfo info;

	if (read(signals.fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGWINCH) {
		agent_resize(m);
	} else if (info.ssi_signo == SIGPWR) { /* `vm stop` */
		press_power_button(m);
		agent_stop(m);
	} else {
		machine_end(128 + info.ssi_signo);
	}
}

/* Signals come by descriptor, to the first thread alone. */
static void catch_signals(void)
{
	static const int caught[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPWR, SIGWINCH, 0 };

	signals.fd = signal_file(SIG_SETMASK, caught, NULL);
	signal(SIGPIPE, SIG_IGN);
	watch_add(&signals);
}

/* Plays the devices until the end: its status. */
static int play_devices(struct machine *m)
{
	while (!machine_is_over()) {
		watch_once(m);
		control_serve(m);
	}
	vga_end(m);
	return end_status;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void choose_kernel(struct machine *m)
{
	const char *own = getenv("DYAD_KERNEL"), *debian = getenv("DYAD_LINUX");

	if (!m->kernel)
		m->kernel = own ? own : "/lib/dyad/dyad.elf";
	else if (!strcmp(m->kernel, "linux"))
		m->kernel = debian ? debian : "/lib/dyad/linux";
}

/*
 * A boot sector's file is a floppy disk, if it has as many bytes as one, or the first IDE disk, to be read alone,
 * unless it is a disk anyway, with an option of its own.
 */
static void add_boot_disk(const char *path)
{
	size_t n = strlen(path);
	const char **items = allocate((opt.disks.n + 1) * sizeof(*items));
	struct stat st;
	char *word;

	for (int i = 0; i < opt.disks.n; i++)
		if (!strncmp(opt.disks.item[i], path, n) && opt.disks.item[i][n] == ',')
			return;
	if (!stat(path, &st) && firmware_has_floppy(st.st_size)) {
		m.floppy = path;
		return;
	}
	items[0] = word = allocate(n + sizeof(",ro,ide"));
	format(word, n + sizeof(",ro,ide"), "%s,ro,ide", path);
	for (int i = 0; i < opt.disks.n; i++)
		items[i + 1] = opt.disks.item[i];
	opt.disks.item = items;
	opt.disks.n++;
}

/* The kernel, and what it has for a root: an image with a command, or Linux's initial file system. */
static void choose_system(struct machine *m, char **argv)
{
	static char image[256];

	const char *disk = m->floppy ?: m->cdrom ?: opt.disks.n ? opt.disks.item[0] : NULL;

	if (disk && !m->kernel && !argv[0] && !m->firmware)
		firmware_choose(m, disk);
	if (m->firmware) {
		if (argv[0] || m->kernel || m->initrd || m->append)
			die(STATUS_USAGE, "run: --firmware takes --disk, --cdrom and --floppy, no "
					  "kernel and no image");
		m->load = firmware_load;
		return;
	}
	choose_kernel(m);
	if (!argv[0]) {
		if (!opt.kernel)
			die(STATUS_USAGE, "run: IMAGE is missing");
		loader_choose(m);
		if (m->load == firmware_load)
			add_boot_disk(m->kernel);
		return;
	}
	if (m->initrd || m->boot16)
		die(STATUS_USAGE, "run: an image takes neither --initrd nor --boot16");
	image_config_read(image_open(argv[0], image, sizeof(image)), &m->config);
	m->image = image;
	loader_choose(m);
	if (argv[1] && !strcmp(argv[1], "--"))
		argv++;
	m->argv = argv[1] ? argv + 1 : image_config_command(&m->config);
}

/* ---- the machine: this process, or one that a keeper has started ---- */

static struct io io;

/* Out of the devices: a word that names none. */
static bool take_net(struct opt_list *nets, const char *word)
{
	int n = 0, before = nets->n;

	for (int i = 0; i < before; i++)
		if (strcmp(nets->item[i], word))
			nets->item[n++] = nets->item[i];
	nets->n = n;
	return n < before;
}

static void take_device_options(void)
{
	if (take_net(&opt.nets, "none") && opt.ports.n)
		die(STATUS_USAGE, "--publish: not with --net none");
	opt.bridge = take_net(&opt.nets, "bridge") || opt.ports.n;
	m.devices = opt.bridge || opt.disks.n || opt.nets.n || opt.rng || opt.hvc || opt.shares.n;
	m.mmio = opt.transport && !strcmp(opt.transport, "mmio");
	for (int i = 0; i < opt.shares.n; i++)
		share_parse(&m, opt.shares.item[i]);
}

/* One more option for a snapshot. Files are found from any folder, but words and what the host names are no files. */
static void add_words(const struct opt *o, const char *value)
{
	static size_t n;
	char *to = m.device_words + n, folder[PATH_MAX];
	size_t room = sizeof(m.device_words) - 1 - n, name = strlen(o->name) + 1;
	bool relative = value && *value != '/' && o->var != &opt.nets && o->var != &opt.transport;

	if (room <= name || !getcwd(folder, sizeof(folder)) ||
	    !join(to + name, room - name, relative ? folder : "", relative ? "/" : "",
		  value ? value : "", NULL)) {
		snapshot_cannot("the names of its files are too long");
		return;
	}
	memcpy(to, o->name, name);
	n += name + (value ? strlen(to + name) + 1 : 0);
}

static void name_devices(void)
{
	if (opt.bridge)
		snapshot_cannot("its address on the bridge is its own");
	for (const struct opt *o = device_options; o->name; o++) {
		const struct opt_list *list = o->var;

		if (o->kind == OPT_FLAG && *(bool *)o->var)
			add_words(o, NULL);
		else if (o->kind == OPT_TEXT && *(const char **)o->var)
			add_words(o, *(const char **)o->var);
		for (int i = 0; o->kind == OPT_LIST && i < list->n; i++)
			add_words(o, list->item[i]);
	}
}

/* The other way round; false: those are no such words. */
static bool read_devices(void)
{
	for (const char *word = m.device_words; *word; word += strlen(word) + 1) {
		const struct opt *o = device_options;

		while (o->name && strcmp(o->name, word))
			o++;
		if (!o->name)
			return false;
		if (o->kind != OPT_FLAG)
			word += strlen(word) + 1;
		if (!*word)
			return false;
		set_option(o, o->name, word, WORDS_MAX / 2);
	}
	take_device_options();
	return true;
}

/* What a kernel's loader tells it of. */
static void add_virtio(void)
{
	for (int i = 0; i < opt.disks.n; i++)
		if (!ide_disk(&m, opt.disks.item[i]) && !ahci_disk(&m, opt.disks.item[i]))
			blk_add(&m, opt.disks.item[i]);
	if (opt.bridge)
		net_add(&m, "eth0", m.address);
	for (int i = 0; i < opt.nets.n; i++)
		net_add(&m, opt.nets.item[i], opt.nets.item[i]);
	if (opt.rng)
		rng_add(&m);
	if (opt.hvc)
		console_add(&m);
	for (unsigned int i = 0; i < m.nr_shares; i++)
		p9_add(&m, &m.shares[i]);
}

static void add_devices(void)
{
	uart_init(&m);
	devices_init(&m);
	if (m.pci)
		pci_init(&m);
	if (m.cdrom)
		ide_cdrom(&m, m.cdrom);
	i8042_init(&m);
	firmware_init(&m);
	vga_init(&m);
}

static void create(void)
{
	if (life.cgroup >= 0)
		write_small(life.cgroup, "cgroup.procs", "0");
	close(life.cgroup); /* a folder that leads out of the sandbox */
	watch_init();
	catch_signals();
	if (!m.restored)
		name_devices();
	add_virtio();
	machine_create(&m);
	add_devices();
	stats_init(&m);
	if (m.image)
		agent_init(&m);
	if (m.restored)
		snapshot_restore(&m);
	control_open(m.name);
}

static int run(void)
{
	if (!m.argv || m.terminal)
		terminal_raw = make_raw(TCSAFLUSH);
	if (!m.argv) {
		watch_add(&input);
		want_input();
	}
	sandbox_enter(&m);
	start_vcpus();
	return play_devices(&m);
}

static void tell_death(int status)
{
	tell_failure(&io, status);
}

/* The child. Who started it may have open what must end with that. */
static int run_machine(void)
{
	char terminal[32];
	int kept = io.fds ? io.fds[2] : io.terminal ? io.console : -1;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	on_death = tell_death;
	if (io_connect(&io, terminal))
		exit(STATUS_FAILED);
	for (int fd = 3; fd < 64; fd++)
		if (fd != io.failure && fd != kept && fd != life.cgroup)
			close(fd);
	life.state.dir = -1;
	create();
	state_event(&life.state, "start");
	io_errors(&io);
	close(io.failure);
	close(kept);
	on_death = NULL;
	return run();
}

static pid_t start(void)
{
	pid_t pid;

	net_enter();
	pid = fork();
	if (!pid)
		exit(run_machine());
	net_leave();
	if (pid < 0)
		die(STATUS_FAILED, "fork: %s", strerror(errno));
	life.state.started = time(NULL);
	return pid;
}

/* In the foreground: until its end, or until that of a command in it. */
static int run_here(char **command)
{
	sigset_t old;
	bool killed;
	int status;

	hold_signals(&old);
	status = start_told(&io, start, &life.state.pid);
	if (status) {
		life.state.pid = 0;
		return status;
	}
	state_save(&life.state);
	if (command) {
		status = exec_in(&life.state, m.image, command);
		kill(life.state.pid, SIGKILL);
		wait_for_end(life.state.pid, &killed);
		snapshot_learnt(&m);
	} else {
		status = wait_for_end(life.state.pid, &killed);
	}
	life.state.pid = 0;
	life_ended(status);
	return status;
}

/* From its description to its end. */
static int live(const char *image, char **command)
{
	int s;

	life_begin(opt.name, image, m.argv, &io);
	m.name = life.state.name;
	life.state.keep = opt.detach && !opt.remove;
	life.release = net_end;
	if (opt.bridge) {
		net_prepare(&life.state, &opt.ports, m.name, false);
		m.address = life.state.address;
	}
	life.cgroup = cgroup_create(life.state.cgroup, false);
	if (!opt.detach && !m.terminal)
		return run_here(command);
	io.terminal = m.terminal;
	life.start = start;
	s = life_keep(m.interactive || !opt.detach, opt.remove);
	net_close();
	return life_attach(s, opt.detach);
}

static void check_options(void)
{
	if (opt.transport && strcmp(opt.transport, "pci") && !m.mmio)
		die(STATUS_USAGE, "--transport %s: pci or mmio", opt.transport);
	if (m.floppy && !m.firmware)
		die(STATUS_USAGE, "--floppy: only firmware has one, which a kernel starts without");
	if (opt.cpus > MAX_CPUS)
		die(STATUS_USAGE, "--cpus %lu: at most %d", opt.cpus, MAX_CPUS);
	if (!m.memory)
		m.memory = m.load == linux_load ? MEMORY_LINUX : MEMORY_DYAD;
	if (m.memory < MEMORY_LEAST)
		die(STATUS_USAGE, "--mem: at least %lu MiB", MEMORY_LEAST >> 20);
}

/* What the command runs in, and what it is connected to. */
static void describe_command(void)
{
	static char *shell[] = { "/bin/sh", NULL };

	if (!m.image)
		return;
	m.terminal = opt.terminal;
	m.interactive = opt.terminal || opt.stdin_;
	if (!m.argv && (m.interactive || opt.detach))
		m.argv = shell;
	if (m.ctr) /* what the image and the options say is for the containers */
		m.config = (struct image_config){ 0 };
	else if (opt.around.env.n || opt.around.workdir || opt.around.user)
		add_surroundings(&m.config, &opt.around);
}

static struct shared shared; /* with --container */

static int run_system(char **argv)
{
	m.cpus = opt.cpus;
	m.kernel = opt.kernel;
	take_device_options();
	choose_system(&m, argv);
	check_options();
	describe_command();
	/* Dyad's kernel would lose 2 ms on a bus with nothing on it. */
	m.pci = !m.image || m.load != pvh_load;
	return live(argv[0] ? argv[0] : base_name(m.firmware ? m.firmware : m.kernel), NULL);
}

/* The machine that others share, for `image`. */
static int start_shared(const char *name)
{
	static char *words[] = { NULL, SHARED_CTR, "events", NULL };

	words[0] = (char *)shared.image;
	opt.name = name;
	opt.detach = opt.remove = true;
	opt.stdin_ = opt.terminal = false;
	m.idle = SHARED_IDLE;
	m.memory = m.memory ?: MEMORY_SHARED;
	return run_system(words);
}

int run_verb(int argc, char **argv)
{
	if (!m.ctr)
		return run_system(argv);
	if (!argv[0] || opt.name || opt.detach || (opt.kernel && strcmp(opt.kernel, "linux")))
		die(STATUS_USAGE, "run: --container takes an IMAGE, no --name, no --detach, and no "
				  "--kernel but linux");
	shared = (struct shared){ argv[0], opt.kernel, opt.around, opt.terminal };
	argv += argv[1] && !strcmp(argv[1], "--") ? 2 : 1;
	return shared_run(&shared, argv, start_shared);
}

int restore_verb(int argc, char **argv)
{
	char image[NAME_SIZE];

	m.load = snapshot_memory;
	snapshot_open(&m, argv[0]);
	if (!read_devices())
		die(STATUS_FAILED, "%s: its head is damaged: the options of its devices", argv[0]);
	format(image, sizeof(image), "%s", base_name(m.image ? m.image : argv[0]));
	if (m.image)
		image[strcspn(image, ".")] = 0;
	if (*++argv && !strcmp(*argv, "--"))
		argv++;
	if (*argv && (opt.detach || !m.image))
		die(STATUS_USAGE, m.image ? "restore: --detach and a COMMAND exclude each other"
					  : "restore: a machine without an image runs no COMMAND");
	m.watched = *argv;
	return live(image, *argv ? argv : NULL);
}
