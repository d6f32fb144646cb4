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
 *   /images, /lib/dyad   images (others are disks, see link_disks()), the kernel and this program:
 *                        reachable in the new root too
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
 *   hostname=NAME  TERM=NAME  winsize=ROWSxCOLUMNS  address=IP (of eth0, on vm's bridge)
 *   exitport=PORT        where the status goes when the kernel's reboot(2) does not take it along
 *   agent=TTY      the line by which the monitor of a virtual machine asks for more commands (common/agent.h)
 *   cmdagent=FLAGS the command's stdio is that line's, too
 *
 * Signals, as busybox sends them: SIGUSR2 poweroff, SIGTERM reboot, SIGUSR1 halt; SIGPWR asks the
 * command to end, and without one is poweroff. Called with another pid, as `init 0` or `init 6`, it
 * sends them (telinit of System V).
 *
 * It uses no stdio: every virtual machine starts with it, and what is small is loaded soon.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#include "account.h"
#include "init.h"

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
	read_options();
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

/* Enters the image `root`, by the drivers that it takes; where it cannot be had, the machine ends. */
static void reach_root(const char *root, bool shares)
{
	int err;

	if (load_modules("/etc/dyad/modules"))
		await(root);
	if (shares)
		load_modules("/etc/dyad/modules.share");
	if (strncmp(root, "/images/", 8)) /* for a ctr in this machine */
		symlink(root, "/images/root.erofs");
	if (!enter_root(root))
		return;
	err = errno;
	if (option("cmdout=") || option("cmdagent=")) /* who waits for the command */
		dup2(open_tty("ttyS1", true), 2);
	say("the image cannot be the root: ", err == EUCLEAN ? "it is damaged" : strerror(err), "");
	end_with_status(125);
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
		reach_root(root, shares.text);
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
