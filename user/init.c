/* SPDX-License-Identifier: MIT */
/*
 * init: pid 1 of Dyad, on the host and in its virtual machines, those with Linux's kernel too.
 *
 * It makes the first user root (an EROFS image below, the initramfs's own tmpfs as the writable
 * layer above it), mounts the kernel's file systems, and then either runs the one command the
 * machine was started for and ends the machine with its status, or keeps a shell on the console.
 * All the while it reaps what the others leave behind.
 *
 * The initramfs it finds:
 *   /images, /lib/dyad   images (others are disks, see link_disks()), the kernel and this program: reachable in the new root too,
 *   /tmp, /run           their content moves into a tmpfs each
 *   /files/PATH          becomes PATH in the new root, by rename: no byte is copied
 *   /etc/dyad/cmd        the command to run, each word ended by NUL (see tools/run)
 *   /etc/dyad/config     what the image says about running it: Env=K=V, WorkingDir=, User=, likewise;
 *                        Folder= is a WorkingDir= that must be there
 *   /etc/dyad/first      a command to run on the console before the first shell, likewise
 *   /etc/dyad/modules    paths of modules for a kernel that has its file systems there, likewise;
 *   /etc/dyad/modules.devices    and of more, for the word devices=
 *   /etc/dyad/shares     folders of the host's (9p): for each the device's tag, PATH, and "ro" or "rw", likewise;
 *   /etc/dyad/modules.share      modules for them
 * and on the kernel's command line:
 *   root=PATH or image=PATH, another name for a kernel that reads root= itself; cmdout=TTY  mark=WORD
 *   hostname=NAME  TERM=NAME  winsize=ROWSxCOLUMNS
 *   exitport=PORT        where the status goes when the kernel's reboot(2) does not take it along
 *   agent=TTY      the line by which the monitor of a virtual machine asks for more commands (common/agent.h)
 *   cmdagent=FLAGS the command's stdio is that line's, too
 *
 * Signals, as busybox sends them: SIGUSR2 poweroff, SIGTERM reboot, SIGUSR1 halt; SIGPWR asks the command to
 * end, and without one is poweroff. Called with
 * another pid, as `init 0` or `init 6`, it sends them (telinit of System V).
 *
 * It uses no stdio: every virtual machine starts with it, and what is small is loaded soon.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <net/route.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h> /* rename */
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <linux/openat2.h>
#include <linux/reboot.h>

#include "account.h"
#include "agent.h"

#define CMDLINE_MAX 4096
#define CMD_MAX 131072 /* as much as one word of execve(2) may have on Linux */
#define WORDS_MAX 1024
#define PATH_MAX 4096

static char cmdline[CMDLINE_MAX];
static volatile sig_atomic_t asked; /* the signal that asked for the end, or 0 */
static const int caught[] = { SIGCHLD, SIGTERM, SIGUSR1, SIGUSR2, SIGPWR };
static sigset_t unblocked; /* no signal: the mask of programs, and of init asleep */

/* ---- words on the console ---- */

static void say_all(const char *a, const char *b, const char *c, const char *d)
{
	const char *parts[] = { "init: ", a, b, c, d, "\n" };
	char line[512];
	size_t n = 0;

	for (size_t i = 0; i < 6; i++)
		for (const char *p = parts[i]; *p && n < sizeof(line); p++)
			line[n++] = *p;
	if (write(2, line, n) < 0)
		return; /* nowhere left to complain */
}

static void say(const char *a, const char *b, const char *c)
{
	say_all(a, b, c, "");
}

static void complain(const char *what, const char *name)
{
	say_all(what, name, ": ", strerror(errno));
}

/* The value of `key` (which ends with '=') on the command line, or NULL. */
static const char *option(const char *key)
{
	static char value[CMDLINE_MAX];
	size_t len = strlen(key);

	for (const char *p = cmdline; *p;) {
		size_t word = strcspn(p, " \n");

		if (word >= len && !strncmp(p, key, len)) {
			memcpy(value, p + len, word - len);
			value[word - len] = 0;
			return value;
		}
		p += word;
		p += strspn(p, " \n");
	}
	return NULL;
}

/* ---- the end of the machine ---- */

static void wait_ms(long ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

static void end_machine(int how, const char *arg)
{
	sync();
	syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, how, arg);
	complain("reboot", "");
	for (;;)
		pause();
}

/* The machine ends at the write; what the command wrote is out before. */
static void end_at_port(const char *port, int status)
{
	unsigned short at = strtoul(port, NULL, 0);
	int tty = open("/dev/ttyS1", O_RDWR | O_NOCTTY);

	if (tty >= 0)
		tcdrain(tty);
	if (ioperm(at, 1, 1))
		complain("ioperm ", port);
	else
		outb(status, at);
}

static void end_with_status(int status)
{
	char arg[] = "exit=000", *p = arg + 5;
	const char *port = option("exitport=");

	if (port)
		end_at_port(port, status);
	status &= 255;
	if (status >= 100)
		*p++ = '0' + status / 100;
	if (status >= 10)
		*p++ = '0' + status / 10 % 10;
	*p++ = '0' + status % 10;
	*p = 0;
	end_machine(LINUX_REBOOT_CMD_RESTART2, arg);
}

/* Ends what runs, first by asking, and then the machine. */
static void shut_down(int sig)
{
	kill(-1, SIGTERM);
	for (int i = 0; i < 20; i++) {
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		if (waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD)
			break;
		wait_ms(50);
	}
	kill(-1, SIGKILL);
	end_machine(sig == SIGTERM   ? LINUX_REBOOT_CMD_RESTART
		    : sig == SIGUSR1 ? LINUX_REBOOT_CMD_HALT
				     : LINUX_REBOOT_CMD_POWER_OFF,
		    NULL);
}

static void on_signal(int sig)
{
	if (sig != SIGCHLD)
		asked = sig;
}

static int telinit(const char *level)
{
	int sig = !strcmp(level, "6") ? SIGTERM : !strcmp(level, "0") ? SIGUSR2 : 0;

	if (!sig) {
		say("usage: init 0|6", "", "");
		return 2;
	}
	return kill(1, sig) ? (complain("kill", ""), 1) : 0;
}

/* ---- the first user root ---- */

static char *join(char *buf, const char *dir, const char *name)
{
	size_t a = strlen(dir), b = strlen(name);

	if (a + b + 2 > PATH_MAX) {
		say("path too long: ", name, "");
		end_with_status(1);
	}
	memcpy(buf, dir, a);
	buf[a] = '/';
	memcpy(buf + a + 1, name, b + 1);
	return buf;
}

static void make_dir(const char *path, mode_t mode)
{
	if (mkdir(path, mode) && errno != EEXIST)
		complain("mkdir ", path);
	else
		chmod(path, mode);
}

/*
 * Where the folder `path` of the image really is: symbolic links followed as seen from inside the
 * image. Returns `path` itself when the image has no such folder.
 */
static const char *real_dir(const char *lower, const char *path, char *buf)
{
	struct open_how how = { .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
				.resolve = RESOLVE_IN_ROOT };
	size_t skip = strlen(lower);
	int root = open(lower, O_PATH | O_DIRECTORY | O_CLOEXEC), dir;

	dir = syscall(SYS_openat2, root, path[0] == '/' ? path + 1 : path, &how, sizeof(how));
	close(root);
	if (dir < 0)
		return path;
	if (fchdir(dir) || !getcwd(buf, PATH_MAX) || strncmp(buf, lower, skip))
		buf = NULL;
	close(dir);
	if (chdir("/") || !buf)
		return path;
	return buf + skip;
}

/* Copies a file or a symbolic link to another file system. */
static int copy(const char *source, const char *target, const struct stat *st)
{
	char link[PATH_MAX];
	ssize_t n;
	int in, out, err = -1;

	if (S_ISLNK(st->st_mode)) {
		n = readlink(source, link, sizeof(link) - 1);
		if (n < 0)
			return -1;
		link[n] = 0;
		return symlink(link, target);
	}
	in = open(source, O_RDONLY | O_CLOEXEC);
	out = open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (in >= 0 && out >= 0) {
		while ((n = sendfile(out, in, NULL, 1 << 20)) > 0)
			;
		err = n < 0 || fchmod(out, st->st_mode & 07777) ? -1 : 0;
	}
	close(in);
	close(out);
	return err;
}

/*
 * Moves what lies in `from` to `upper``path`, the writable layer over the image `lower`. A folder
 * that is a symbolic link in the image (/lib of a merged /usr) keeps being one: its content goes
 * to where the link leads.
 */
static void graft(const char *from, const char *lower, const char *upper, const char *path)
{
	char *buf = malloc(5 * PATH_MAX);
	char *source = buf, *target = buf + PATH_MAX, *inside = buf + 2 * PATH_MAX;
	char *real = buf + 3 * PATH_MAX, *below = buf + 4 * PATH_MAX;
	DIR *dir = opendir(from);
	struct dirent *d;
	struct stat st;

	while (dir && buf && (d = readdir(dir))) {
		const char *to;

		if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, ".."))
			continue;
		join(source, from, d->d_name);
		join(inside, path, d->d_name);
		if (lstat(source, &st)) {
			complain("", source);
			continue;
		}
		if (!S_ISDIR(st.st_mode)) {
			join(target, upper, inside + 1);
			if (rename(source, target) &&
			    (errno != EXDEV || copy(source, target, &st) || unlink(source)))
				complain("cannot move ", source);
			continue;
		}
		to = *lower ? real_dir(lower, inside, real) : inside;
		if (*lower)
			stat(join(below, lower, to + 1), &st); /* the image's own mode stays */
		make_dir(join(target, upper, to + 1), st.st_mode & 07777);
		graft(source, lower, upper, to);
	}
	if (dir)
		closedir(dir);
	free(buf);
}

/* What the new root keeps of the initramfs: two folders as they are, the content of two more. */
static void keep_folders(void)
{
	static const char *const kept[] = { "/images", "/lib/dyad" };
	static const char *const fresh[] = { "/run", "/tmp" };
	char target[PATH_MAX];

	make_dir("/rw/root/lib", 0755);
	for (size_t i = 0; i < 2; i++) {
		mkdir(join(target, "/rw/root", kept[i] + 1), 0755);
		if (mount(kept[i], target, NULL, MS_BIND, NULL))
			complain("cannot keep ", kept[i]);
		mkdir(join(target, "/rw/root", fresh[i] + 1), 0755);
		if (mount("tmpfs", target, "tmpfs", MS_NOSUID | MS_NODEV,
			  i ? "mode=1777" : "mode=755"))
			complain("cannot mount ", fresh[i]);
		graft(fresh[i], "", target, "");
	}
}

/*
 * Images that came as disks, whose serial number says "image-NAME" (tools/run), get their names in
 * /images as if they were files there.
 */
static void link_disks(void)
{
	char path[PATH_MAX], target[PATH_MAX], serial[64];
	struct dirent *d;
	DIR *dir;

	mkdir("/sys", 0755);
	if (mount("sysfs", "/sys", "sysfs", 0, NULL))
		return;
	dir = opendir("/sys/block");
	while (dir && (d = readdir(dir))) {
		int fd = open(strcat(join(path, "/sys/block", d->d_name), "/serial"),
			      O_RDONLY | O_CLOEXEC);
		ssize_t n = fd < 0 ? 0 : read(fd, serial, sizeof(serial) - 8);

		close(fd);
		if (n <= 6 || strncmp(serial, "image-", 6))
			continue;
		strcpy(serial + n, ".erofs");
		if (symlink(join(target, "/dev", d->d_name), join(path, "/images", serial + 6)))
			complain("cannot make ", path);
	}
	if (dir)
		closedir(dir);
	umount2("/sys", MNT_DETACH);
}

/*
 * Makes the image the root: EROFS below, an overlay above, moved over the initramfs. The option dax asks
 * Linux to map an image that is memory (pmem) in place, as Dyad does without being asked.
 */
static int enter_root(const char *image)
{
	make_dir("/rw", 0755);
	make_dir("/rw/lower", 0755);
	make_dir("/rw/upper", 0755);
	make_dir("/rw/work", 0755);
	make_dir("/rw/root", 0755);
	if (mount(image, "/rw/lower", "erofs", MS_RDONLY, "dax")) {
		complain("cannot mount the root image ", image);
		return -1;
	}
	umount2("/dev", MNT_DETACH); /* the image may have been a disk there */
	graft("/files", "/rw/lower", "/rw/upper", "");
	if (mount("overlay", "/rw/root", "overlay", 0,
		  "lowerdir=/rw/lower,upperdir=/rw/upper,workdir=/rw/work")) {
		complain("cannot mount the overlay over ", image);
		return -1;
	}
	keep_folders();
	if (chdir("/rw/root") || mount(".", "/", NULL, MS_MOVE, NULL) || chroot(".") ||
	    chdir("/")) {
		complain("cannot enter the root ", image);
		return -1;
	}
	return 0;
}

static const struct {
	const char *source, *target, *type;
	unsigned long flags;
	const char *data;
} mounts[] = {
	{ "proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL },
	{ "sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL },
	{ "devtmpfs", "/dev", "devtmpfs", MS_NOSUID, "mode=755" },
	{ "devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "mode=620,gid=5,ptmxmode=666" },
	{ "tmpfs", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777" },
	{ "cgroup2", "/sys/fs/cgroup", "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL },
};

/* What shells and scripts expect of /dev beside the devices (Filesystem Hierarchy, <( ) of bash). */
static const struct {
	const char *name, *target;
} links[] = {
	{ "/dev/fd", "/proc/self/fd" },
	{ "/dev/stdin", "/proc/self/fd/0" },
	{ "/dev/stdout", "/proc/self/fd/1" },
	{ "/dev/stderr", "/proc/self/fd/2" },
};

/* Mounts the kernel's file systems. One that this kernel does not have (ENODEV) is left out. */
static void mount_all(void)
{
	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		if (mkdir(mounts[i].target, 0755) && errno != EEXIST)
			continue; /* /dev/pts in a /dev without it: no devpts either */
		if (mount(mounts[i].source, mounts[i].target, mounts[i].type, mounts[i].flags,
			  mounts[i].data) &&
		    errno != ENODEV && errno != EBUSY)
			complain("cannot mount ", mounts[i].target);
	}
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		symlink(links[i].target, links[i].name);
}

/* ---- the network ---- */

/* An ioctl that sets an address of the interface: 0 or -1. */
static int set_address(int fd, struct ifreq *ifr, int what, const char *address)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&ifr->ifr_addr;

	in->sin_family = AF_INET;
	in->sin_addr.s_addr = inet_addr(address);
	return ioctl(fd, what, ifr);
}

/*
 * The card that QEMU gives, when there is one: what is behind it has always the same addresses (its
 * manual, "Using the user mode network stack"). AF_PACKET, which DHCP needs, is not waited for.
 */
static void start_card(int fd)
{
	static const char resolv[] = "nameserver 10.0.2.3\n";
	struct ifreq ifr = { .ifr_name = "eth0" }, up = ifr;
	struct rtentry route = { .rt_flags = RTF_UP | RTF_GATEWAY };
	struct sockaddr_in *way = (struct sockaddr_in *)&route.rt_gateway;

	if (ioctl(fd, SIOCGIFFLAGS, &up))
		return;
	up.ifr_flags |= IFF_UP;
	route.rt_dst.sa_family = route.rt_genmask.sa_family = way->sin_family = AF_INET;
	way->sin_addr.s_addr = inet_addr("10.0.2.2");
	if (set_address(fd, &ifr, SIOCSIFADDR, "10.0.2.15") ||
	    set_address(fd, &ifr, SIOCSIFNETMASK, "255.255.255.0") ||
	    ioctl(fd, SIOCSIFFLAGS, &up) || ioctl(fd, SIOCADDRT, &route))
		complain("cannot set up ", "eth0");
	fd = open("/etc/resolv.conf", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd >= 0 && write(fd, resolv, sizeof(resolv) - 1) < 0)
		complain("cannot write ", "/etc/resolv.conf");
	close(fd);
}

/* Each machine can speak to itself: the loopback device comes up, and the kernel gives it 127.0.0.1. */
static void start_network(void)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return; /* a kernel without it */
	ioctl(fd, SIOCSIFFLAGS, &ifr);
	start_card(fd);
	close(fd);
}

/* ---- programs ---- */

struct command {
	char *text;
	char *words[WORDS_MAX + 1];
};

/* Reads a command, each word ended by NUL. False when there is no such file. */
static bool read_command(const char *path, struct command *c)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), n = 0;
	ssize_t len = 0, got;

	if (fd < 0)
		return false;
	c->text = malloc(CMD_MAX + 1);
	while (c->text && len < CMD_MAX && (got = read(fd, c->text + len, CMD_MAX - len)) > 0)
		len += got;
	close(fd);
	if (!c->text)
		return false;
	c->text[len] = 0;
	for (char *p = c->text; p < c->text + len && n < WORDS_MAX; p += strlen(p) + 1)
		c->words[n++] = p;
	c->words[n] = NULL;
	return n > 0;
}

/* Loads the modules of a list, and gives the memory of the files back. False: there is no list. */
static bool load_modules(const char *file)
{
	struct command list;

	if (!read_command(file, &list))
		return false;
	for (char **path = list.words; *path; path++) {
		int fd = open(*path, O_RDONLY | O_CLOEXEC);

		if (syscall(SYS_finit_module, fd, "", 0))
			complain("cannot load ", *path);
		close(fd);
		unlink(*path);
	}
	return true;
}

/* A disk comes a little later than its driver. */
static void await(const char *path)
{
	for (int i = 0; i < 1000 && access(path, F_OK); i++)
		wait_ms(5);
}

/* Opens the terminal `name` of /dev; a raw one passes every byte on as it is. */
static int open_tty(const char *name, bool raw)
{
	char path[PATH_MAX];
	struct termios t;
	int fd = open(join(path, "/dev", name), O_RDWR | O_NOCTTY);

	if (fd >= 0 && raw && !tcgetattr(fd, &t)) {
		cfmakeraw(&t);
		tcsetattr(fd, TCSANOW, &t);
	}
	return fd;
}

static void set_fds(int in, int out)
{
	dup2(in, 0);
	dup2(out, 1);
	dup2(out, 2);
	if (in > 2)
		close(in);
	if (out > 2 && out != in)
		close(out);
}

/* Folders of the host's, as /etc/dyad/shares has them; without one of them, the machine ends. */
static void mount_shares(char **words)
{
	const char *out = option("cmdout=");

	for (; words[0] && words[1] && words[2]; words += 3) {
		int err, tty;

		make_folders(words[1]);
		if (!mount(words[0], words[1], "9p", strcmp(words[2], "ro") ? 0 : MS_RDONLY,
			   "trans=virtio,version=9p2000.L"))
			continue;
		err = errno;
		/* where the command would speak */
		tty = open_tty(out ? out : "console", out != NULL);
		if (tty >= 0)
			set_fds(tty, tty);
		errno = err;
		complain("cannot mount the share ", words[1]);
		end_with_status(125);
	}
}

/* Becomes `words`, under the name `arg0` when one is given. Never returns. */
static void exec_words(char **words, char *arg0)
{
	char *file = words[0];

	/* One that has come already is the program's, not for our handler. */
	for (size_t i = 0; i < sizeof(caught) / sizeof(caught[0]); i++)
		signal(caught[i], SIG_DFL);
	sigprocmask(SIG_SETMASK, &unblocked, NULL);
	if (arg0)
		words[0] = arg0;
	execvp(file, words);
	words[0] = file;
	if (errno == ENOENT) {
		say("", words[0], ": not found");
		agent_give_up(127);
	}
	complain("cannot run ", words[0]);
	agent_give_up(126);
}

/* Environment, folder and user, in this order: the folder may be one that only root can make. */
static void apply_config(char **words)
{
	const char *folder = NULL, *user = NULL;
	bool make = false;
	struct account a;

	for (; *words; words++) {
		if (!strncmp(*words, "Env=", 4))
			putenv(*words + 4);
		else if (!strncmp(*words, "WorkingDir=", 11))
			folder = *words + 11, make = true;
		else if (!strncmp(*words, "Folder=", 7))
			folder = *words + 7, make = false;
		else if (!strncmp(*words, "User=", 5))
			user = *words + 5;
	}
	if (make)
		make_folders(folder);
	if (folder && chdir(folder)) {
		complain("cannot enter ", folder);
		agent_give_up(125);
	}
	if (!user)
		return;
	if (!account_find(user, &a)) {
		say("user ", user, ": not in /etc/passwd or /etc/group");
		agent_give_up(125);
	}
	if (account_become(&a)) {
		complain("cannot become ", user);
		agent_give_up(125);
	}
	if (a.home[0] && !strcmp(getenv("HOME"), "/root"))
		setenv("HOME", a.home, 1);
}

static struct winsize winsize(void)
{
	const char *size = option("winsize=");
	struct winsize ws = { 0 };
	char *end;

	if (!size)
		return ws;
	ws.ws_row = strtoul(size, &end, 10);
	if (*end == 'x')
		ws.ws_col = strtoul(end + 1, NULL, 10);
	return ws;
}

/* ---- the agent ---- */

static int agent_line = -1; /* where the monitor asks, or -1 */
static pid_t agent; /* who serves it, or 0: then the first byte starts one */

static void become(char **config, char **words)
{
	apply_config(config);
	exec_words(words, NULL);
}

static void open_agent(void)
{
	const char *name = option("agent=");

	agent_line = name ? open_tty(name, true) : -1;
	if (agent_line < 0)
		return;
	fcntl(agent_line, F_SETFD, FD_CLOEXEC);
	agent_hello(agent_line);
}

static pid_t start_agent(const struct agent_main *main)
{
	agent = fork();
	if (!agent) {
		setsid();
		agent_run(agent_line, main, become);
	}
	return agent;
}

/*
 * Starts the command with nothing to read, on the terminal cmdout= or else on the console. The word
 * mark= goes out first: what stands before it on the line came from the firmware.
 */
static pid_t start_command(char **words, char **config)
{
	const char *out = option("cmdagent="), *mark;
	struct agent_main main = { .config = config, .words = words };
	pid_t pid;

	if (out && agent_line >= 0) {
		main.flags = strtoul(out, NULL, 10);
		main.size = winsize();
		return start_agent(&main);
	}
	pid = fork();
	if (pid)
		return pid;
	setsid();
	out = option("cmdout=");
	int null = open("/dev/null", O_RDWR), tty = open_tty(out ? out : "console", out != NULL);

	set_fds(null, tty < 0 ? 2 : tty);
	mark = option("mark=");
	if (mark && (write(1, mark, strlen(mark)) < 0 || write(1, "\n", 1) < 0))
		complain("cannot write to ", "the terminal of the command");
	become(config, words);
	return -1;
}

/* Writes root's shell as /etc/passwd has it, else /bin/sh, into `path` (of PATH_MAX bytes). */
static void login_shell(char *path)
{
	char text[PATH_MAX], *line, *end, *shell;
	int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	strcpy(path, "/bin/sh");
	for (line = text; line && strncmp(line, "root:", 5); line = end ? end + 1 : NULL)
		end = strchr(line, '\n');
	if (!line)
		return;
	line[strcspn(line, "\n")] = '\0';
	shell = strrchr(line, ':') + 1;
	if (shell[0] == '/' && !access(shell, X_OK))
		strcpy(path, shell);
}

/* Starts a program that owns the console: its session, its controlling terminal. */
static pid_t start_on_console(char **words, char *arg0)
{
	pid_t pid = fork();
	int tty;

	if (pid)
		return pid;
	setsid();
	tty = open_tty("console", false);
	if (tty >= 0) {
		set_fds(tty, tty);
		ioctl(0, TIOCSCTTY, 1);
	}
	if (chdir(getenv("HOME")))
		chdir("/");
	exec_words(words, arg0);
	return -1;
}

/* Until a signal comes, or the monitor has something to say to no agent. */
static void sleep_until_asked(void)
{
	struct pollfd p = { agent ? -1 : agent_line, POLLIN, 0 };

	if (ppoll(&p, 1, NULL, &unblocked) > 0)
		start_agent(NULL);
}

/* Waits for `pid` (reaping all others), or shuts down when asked to. Returns its status. */
static int wait_for(pid_t pid, bool is_command)
{
	int status;

	for (;;) {
		pid_t got = waitpid(-1, &status, WNOHANG);

		if (asked == SIGPWR && is_command && pid > 0) {
			asked = 0;
			kill(pid, SIGTERM);
		}
		if (asked)
			shut_down(asked);
		if (got == pid)
			return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
		if (got > 0 && got == agent) {
			agent = 0;
			agent_hello(agent_line);
		}
		if (got < 0 && errno == ECHILD)
			return 126; /* it could not even be started */
		if (got == 0)
			sleep_until_asked();
	}
}

/* Keeps a login shell (its name begins with '-') on the console, or ends the machine with 127. */
static void keep_shell(void)
{
	static char path[PATH_MAX], name[PATH_MAX];
	char *words[] = { path, NULL };

	for (;;) {
		login_shell(path);
		name[0] = '-';
		strcpy(name + 1, strrchr(path, '/') + 1);
		pid_t pid = start_on_console(words, name);

		if (wait_for(pid, false) == 127 || pid < 0) {
			say("no shell: ", path, "");
			end_with_status(127);
		}
	}
}

static void set_up(void)
{
	const char *value;
	struct winsize ws;
	int fd;

	mkdir("/proc", 0755);
	mkdir("/dev", 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	fd = open_tty("console", false);
	if (fd >= 0)
		set_fds(fd, fd);
	fd = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, cmdline, sizeof(cmdline) - 1) < 0)
		complain("cannot read /proc/cmdline", "");
	close(fd);
	if ((value = option("hostname=")))
		sethostname(value, strlen(value));
	else
		sethostname("dyad", 4);
	ws = winsize();
	if (ws.ws_row && ws.ws_col)
		ioctl(0, TIOCSWINSZ, &ws);
	setenv("TERM", (value = option("TERM=")) ? value : "vt100", 1);
	setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
	setenv("HOME", "/root", 1);
}

/* The signals that init waits for come only while it sleeps in sigsuspend(): none gets lost. */
static void catch_signals(void)
{
	struct sigaction sa = { .sa_handler = on_signal };
	sigset_t blocked;

	sigemptyset(&unblocked);
	sigemptyset(&blocked);
	for (size_t i = 0; i < sizeof(caught) / sizeof(caught[0]); i++) {
		sigaddset(&blocked, caught[i]);
		sigaction(caught[i], &sa, NULL);
	}
	sigprocmask(SIG_SETMASK, &blocked, NULL);
}

int main(int argc, char **argv)
{
	static struct command command, config, first, shares;
	bool has_command, has_first;
	const char *root;

	if (getpid() != 1)
		return telinit(argc == 2 ? argv[1] : "");
	umask(022);
	catch_signals();
	set_up();
	has_command = read_command("/etc/dyad/cmd", &command);
	read_command("/etc/dyad/config", &config);
	has_first = read_command("/etc/dyad/first", &first);
	read_command("/etc/dyad/shares", &shares);
	make_dir("/run", 0755);
	make_dir("/tmp", 01777);
	umount2("/proc", MNT_DETACH);
	link_disks();
	if (option("devices="))
		load_modules("/etc/dyad/modules.devices");
	if ((root = option("root=")) || (root = option("image="))) {
		if (load_modules("/etc/dyad/modules"))
			await(root);
		if (shares.text)
			load_modules("/etc/dyad/modules.share");
		if (strncmp(root, "/images/", 8)) /* for a ctr in this machine */
			symlink(root, "/images/root.erofs");
		if (enter_root(root)) {
			int err = errno;

			if (option("cmdout=") ||
			    option("cmdagent=")) /* who waits for the command */
				dup2(open_tty("ttyS1", true), 2);
			say("the image cannot be the root: ", strerror(err), "");
			end_with_status(125);
		}
	} else {
		umount2("/dev", MNT_DETACH);
		graft("/files", "", "", "");
	}
	mount_all();
	mount_shares(shares.words);
	start_network();
	open_agent();

	if (has_command)
		end_with_status(wait_for(start_command(command.words, config.words), true));
	if (has_first)
		wait_for(start_on_console(first.words, NULL), false);
	keep_shell();
}
