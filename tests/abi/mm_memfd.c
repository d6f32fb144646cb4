/* SPDX-License-Identifier: MIT */
/* Memory that is a file: memfd_create(2) and its seals, shared mappings, truncation under them. */
#include <sys/sendfile.h>
#include <sys/uio.h>

#include "mm.h"

#define RW (PROT_READ | PROT_WRITE)
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x10
#endif
#define ALL (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)

static int sealable(size_t pages)
{
	int fd = memfd_create("m", MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, pages * PAGE) < 0)
		say("memfd: %s", errno_name(errno));
	return fd;
}

static void flags(void)
{
	int fd = memfd_create("name", MFD_CLOEXEC);
	char name[256];

	R(fcntl(fd, F_GETFD));
	R(fcntl(fd, F_GETFL) & (O_ACCMODE | O_APPEND | O_NONBLOCK));
	R(fcntl(memfd_create("name", 0), F_GETFD));
	O(memfd_create("", 0));
	memset(name, 'n', sizeof(name));
	name[249] = 0;
	O(memfd_create(name, 0));
	name[249] = 'n';
	name[250] = 0;
	O(memfd_create(name, 0));
	O(memfd_create(wild(8), 0));
	O(memfd_create("x", 0x100));
	O(memfd_create("x", 0x80000000));
	O(memfd_create("x", 1 << 26)); /* a size of huge pages without MFD_HUGETLB */
}

static void without_sealing(void)
{
	int fd = memfd_create("m", 0), p[2];

	pipe(p);
	R(fcntl(fd, F_GET_SEALS));
	R(fcntl(fd, F_ADD_SEALS, 0));
	R(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	R(fcntl(p[0], F_GET_SEALS));
	R(fcntl(p[0], F_ADD_SEALS, F_SEAL_WRITE));
	R(fcntl(open("/proc/self/exe", O_RDONLY), F_GET_SEALS));
	R(fcntl(-1, F_GET_SEALS));
}

static void seal_basics(void)
{
	int fd = sealable(1), rd;
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	rd = open(path, O_RDONLY);
	R(fcntl(fd, F_GET_SEALS));
	R(fcntl(fd, F_ADD_SEALS, 0x100));
	R(fcntl(rd, F_ADD_SEALS, F_SEAL_SHRINK));
	R(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK));
	R(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK));
	R(fcntl(rd, F_GET_SEALS));
	R(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL));
	R(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
	R(fcntl(fd, F_GET_SEALS));
}

static void seal_shrink_grow(void)
{
	int fd = sealable(2);

	R(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK));
	R(ftruncate(fd, PAGE));
	R(ftruncate(fd, 2 * PAGE));
	R(ftruncate(fd, 3 * PAGE));
	R(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
	R(ftruncate(fd, 4 * PAGE));
	R(pwrite(fd, "ab", 2, 3 * PAGE));
	R(pwrite(fd, "ab", 2, 3 * PAGE - 1)); /* across the end */
	R(pwrite(fd, "ab", 2, 3 * PAGE - 2));
	R(fallocate(fd, 0, 0, 4 * PAGE));
	R(fallocate(fd, 0, 0, 3 * PAGE));
	R(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 4 * PAGE));
	O(open("/proc/self/fd/3", O_RDWR | O_TRUNC));
}

static void seal_write(void)
{
	int fd = sealable(2), link[2];
	char *p = map(1, RW, MAP_SHARED, fd), *q = map(1, RW, MAP_PRIVATE, fd), c;

	p[0] = 'a';
	R(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE)); /* a writable view is about */
	munmap(p, PAGE);
	R(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	R(write(fd, "x", 1));
	R(pwritev(fd, &(struct iovec){ "x", 1 }, 1, 0));
	R(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE));
	R(ftruncate(fd, 3 * PAGE)); /* that is another seal's business */
	R(pread(fd, &c, 1, 0));
	O(mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0));
	O(mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 0));
	p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	YES(p != MAP_FAILED);
	R(mprotect(p, PAGE, RW));
	q[0] = 'q';
	say("%c %c", c, q[0]);
	pipe(link);
	write(link[1], "x", 1);
	R(sendfile(fd, open("/proc/self/exe", O_RDONLY), NULL, 1));
}

static void seal_read_only_view(void)
{
	int fd = sealable(1);
	char path[32], *p;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	p = map(1, PROT_READ, MAP_SHARED, open(path, O_RDONLY)); /* never writable: no hindrance */
	R(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	R(mprotect(p, PAGE, RW));
	fd = sealable(1);
	p = map(1, PROT_READ, MAP_SHARED, fd);
	R(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE)); /* could be made writable by mprotect */
}

static void seal_future_write(void)
{
	int fd = sealable(1);
	char *p = map(1, RW, MAP_SHARED, fd), c = 0;

	R(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE));
	R(fcntl(fd, F_GET_SEALS));
	p[0] = 'k'; /* the old view goes on */
	R(pread(fd, &c, 1, 0));
	say("%c", c);
	R(write(fd, "x", 1));
	O(mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0));
	p = map(1, PROT_READ, MAP_SHARED, fd);
	R(mprotect(p, PAGE, RW));
	R(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE));
}

static void seals_follow_the_file(void)
{
	int fd = sealable(1), again;
	char path[32];

	R(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open(path, O_RDWR);
	R(fcntl(again, F_GET_SEALS));
	say("child: %s", ended(reap(fork() ?: (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL), _exit(0), 0))));
	R(fcntl(again, F_GET_SEALS));
}

static void runs_from_memory(void)
{
	int fd = memfd_create("prog", MFD_CLOEXEC), exe = open("/proc/self/exe", O_RDONLY);
	char buf[65536];
	pid_t pid;
	ssize_t n;

	while ((n = read(exe, buf, sizeof(buf))) > 0)
		write(fd, buf, n);
	O(syscall(SYS_execveat, fd, "", abi_argv, NULL, 0)); /* no AT_EMPTY_PATH */
	pid = fork();
	if (pid == 0) {
		char *argv[] = { "prog", "as_a_program", NULL }, *env[] = { NULL };

		syscall(SYS_execveat, fd, "", argv, env, AT_EMPTY_PATH);
		_exit(99);
	}
	say("%s", ended(reap(pid)));
}

static void as_a_program(void)
{
	char link[64] = "";

	O(readlink("/proc/self/exe", link, sizeof(link) - 1));
	say("run from: %s", strncmp(link, "/memfd:prog", 11) ? "a file" : link);
}

static void punch_hole(void)
{
	int fd = sealable(4);
	char *p = map(4, RW, MAP_SHARED, fd);
	struct stat st;

	write_pages(p, 4);
	fstat(fd, &st);
	say("blocks for %ld pages", (long)st.st_blocks / 8);
	R(fallocate(fd, FALLOC_FL_PUNCH_HOLE, PAGE, PAGE));
	R(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, PAGE + 10, 2 * PAGE - 20));
	say("%c %c %d %c", p[0], p[PAGE], p[2 * PAGE], p[3 * PAGE]);
	p[PAGE + 20] = p[3 * PAGE - 11] = 'z';
	R(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, PAGE, 2 * PAGE));
	say("%c %d %d %c", p[0], p[PAGE], p[2 * PAGE], p[3 * PAGE]);
	fstat(fd, &st);
	say("size of %ld pages", (long)st.st_size / PAGE);
	R(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 0));
	R(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, -1, PAGE));
	R(fallocate(fd, 0x80, 0, PAGE));
}

static void data_and_holes(void)
{
	int fd = sealable(8);

	pwrite(fd, "x", 1, 2 * PAGE + 5);
	pwrite(fd, "x", 1, 5 * PAGE);
	R(lseek(fd, 0, SEEK_DATA));
	R(lseek(fd, 0, SEEK_HOLE));
	R(lseek(fd, 2 * PAGE + 100, SEEK_DATA));
	R(lseek(fd, 2 * PAGE, SEEK_HOLE));
	R(lseek(fd, 3 * PAGE, SEEK_DATA));
	R(lseek(fd, 6 * PAGE, SEEK_DATA));
	R(lseek(fd, 6 * PAGE, SEEK_HOLE));
	R(lseek(fd, 8 * PAGE, SEEK_HOLE));
	R(lseek(fd, -1, SEEK_DATA));
}

static void dev_zero(void)
{
	int fd = open("/dev/zero", O_RDWR);
	char *p = map(2, RW, MAP_SHARED, fd), *q = map(2, RW, MAP_PRIVATE, fd);

	YES(all_are(p, 2 * PAGE, 0) && all_are(q, 2 * PAGE, 0));
	p[0] = q[0] = 1;
	say("child %s", ended(reap(fork() ?: (p[1] = 2, q[1] = 2, _exit(0), 0))));
	say("shared %d %d, private %d %d", p[0], p[1], q[0], q[1]);
	p = map(2, RW, MAP_SHARED, fd); /* another one shares nothing with the first */
	say("%d", p[0]);
}

static void same_frames(void)
{
	int fd = open("f", O_CREAT | O_RDWR, 0600);
	char *p, *q, buf[16];

	ftruncate(fd, 4 * PAGE);
	p = map(4, RW, MAP_SHARED, fd);
	q = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 2 * PAGE);
	for (int i = 0; i < 4; i++)
		p[i * PAGE] = '0' + i;
	for (int i = 0; i < 4; i++) {
		pread(fd, buf, 1, i * PAGE);
		say("%c", buf[0]);
	}
	R(pwrite(fd, "through", 7, 2 * PAGE - 3));
	say("%.3s %.4s %.4s", p + 2 * PAGE - 3, p + 2 * PAGE, q);
	memcpy(p + PAGE - 2, "across", 6);
	R(pread(fd, buf, 6, PAGE - 2));
	say("%.6s", buf);
	R(read(fd, p + 3 * PAGE, PAGE)); /* a file into its own mapping */
	say("%c", p[3 * PAGE]);
	R(pwrite(fd, p, 1, 3 * PAGE));
	say("%c", p[3 * PAGE]);
}

static void tail_is_zero(void)
{
	int fd;
	char *p;

	make_file("f", "abc");
	fd = open("f", O_RDWR);
	p = map(1, RW, MAP_SHARED, fd);
	YES(all_are(p + 3, PAGE - 3, 0));
	p[100] = 'x'; /* behind the end: no part of the file */
	R(lseek(fd, 0, SEEK_END));
	R(ftruncate(fd, 2)); /* zeroes what it cuts off */
	R(ftruncate(fd, 200));
	say("%c%c %d %d", p[0], p[1], p[2], p[100]);
}

static void truncated_under_private(void)
{
	int fd = open("f", O_CREAT | O_RDWR, 0600);
	char *p;

	ftruncate(fd, 3 * PAGE);
	p = map(3, RW, MAP_PRIVATE, fd);
	p[2 * PAGE] = 'c';
	read_pages(p, 3);
	R(ftruncate(fd, PAGE)); /* private copies go as well */
	touch("first", p, true, p);
	touch("never written", p + PAGE, false, p);
	touch("a private copy", p + 2 * PAGE, false, p);
	R(ftruncate(fd, 3 * PAGE));
	say("%d", p[2 * PAGE]);
}

static void sigbus_in_a_call(void)
{
	int fd = open("f", O_CREAT | O_RDWR, 0600), link[2];
	char *p;

	ftruncate(fd, PAGE);
	p = map(2, RW, MAP_SHARED, fd);
	pipe(link);
	R(write(link[1], p + PAGE, 8)); /* no signal: EFAULT */
	R(write(link[1], p + PAGE - 4, 8));
	R(write(link[1], "12345678", 8));
	R(read(link[0], p + PAGE, 4));
	R(read(link[0], p + PAGE - 2, 4));
}

static void unlinked_and_closed(void)
{
	int fd = open("f", O_CREAT | O_RDWR, 0600);
	char *p;

	ftruncate(fd, PAGE);
	p = map(1, RW, MAP_SHARED, fd);
	close(fd);
	R(unlink("f"));
	p[0] = 'u';
	say("child %s", ended(reap(fork() ?: (_exit(p[0] == 'u' ? 0 : 1), 0))));
	R(munmap(p, PAGE));
}

static void shared_survives_exec_of_parent(void)
{
	char *p = map(1, RW, MAP_SHARED | MAP_ANONYMOUS, -1);
	int link[2];
	pid_t pid;

	pipe(link);
	pid = fork();
	if (pid == 0) {
		char c;

		read(link[0], &c, 1);
		_exit(p[0] == 's' ? 7 : 1);
	}
	p[0] = 's';
	munmap(p, PAGE);
	write(link[1], "g", 1);
	say("%s", ended(reap(pid)));
}

static void msync_flags(void)
{
	char *p = anon(3, RW);

	R(msync(p, PAGE, 0));
	R(msync(p, PAGE, MS_ASYNC));
	R(msync(p, PAGE, MS_SYNC | MS_INVALIDATE));
	R(msync(p, PAGE, 8));
	R(msync(p, PAGE, -1));
	R(msync(p, 0, MS_SYNC));
	R(msync(p, -1UL, MS_SYNC));
	munmap(p + PAGE, PAGE);
	R(msync(p, 3 * PAGE, MS_SYNC));
	R(msync(p + PAGE, PAGE, MS_ASYNC));
}

static void shared_is_one_for_all(void)
{
	unsigned int *p = (void *)map(1, RW, MAP_SHARED | MAP_ANONYMOUS, -1);

	for (int i = 0; i < 4; i++)
		if (fork() == 0) {
			for (int n = 0; n < 1000; n++)
				__atomic_fetch_add(p, 1, __ATOMIC_SEQ_CST);
			_exit(0);
		}
	while (wait(NULL) > 0)
		;
	say("%u", *p);
}

ABI_MAIN(CASE(flags), CASE(without_sealing), CASE(seal_basics), CASE(seal_shrink_grow),
	 CASE(seal_write), CASE(seal_read_only_view), CASE(seal_future_write),
	 CASE(seals_follow_the_file), CASE(runs_from_memory), CASE(punch_hole),
	 CASE(data_and_holes), CASE(dev_zero), CASE(same_frames), CASE(tail_is_zero),
	 CASE(truncated_under_private), CASE(sigbus_in_a_call), CASE(unlinked_and_closed),
	 CASE(shared_survives_exec_of_parent), CASE(msync_flags), CASE(shared_is_one_for_all),
	 CASE(as_a_program))
