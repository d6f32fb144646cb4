/* SPDX-License-Identifier: MIT */
/* System V IPC: shared memory, semaphores, message queues; permissions, limits, and the namespace. */
#include <pthread.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <time.h>

#include "ipc.h"

#define PAGE 4096
#define MSG_COPY 040000 /* linux/msg.h, which fights with sys/msg.h */

union semun {
	int val;
	struct semid_ds *buf;
	unsigned short *array;
	struct seminfo *info;
};
static struct semid_ds unread_set;
static const union semun no_set = { .buf = &unread_set };
static struct msqid_ds unread_queue;

/* ---- shared memory ---- */

static void shm_get(void)
{
	own_ipc();
	R(shmget(IPC_PRIVATE, 100, 0600));
	R(shmget(0x1234, 100, 0600));
	R(shmget(0x1234, 100, IPC_CREAT | 0600));
	R(shmget(0x1234, 100, IPC_CREAT | IPC_EXCL | 0600));
	R(shmget(0x1234, 0, 0));
	R(shmget(0x1234, 100, 0600));
	R(shmget(0x1234, 101, 0600));
	R(shmget(0x1235, 0, IPC_CREAT | 0600));
	R(shmget(-1, 1, IPC_CREAT | 0600));
	R(shmget(-1, 1, 0));
	R(shmget(IPC_PRIVATE, ~0UL, 0600));
	R(shmget(IPC_PRIVATE, 1UL << 60, 0600));
}

static void shm_ids(void)
{
	int id = 0;

	own_ipc();
	for (int i = 0; i < 70; i++) {
		id = shmget(IPC_PRIVATE, 1, 0600);
		if (i % 10 == 0 || i > 60)
			say("%d", id);
		shmctl(id, IPC_RMID, NULL);
	}
	R(shmctl(id, IPC_STAT, &(struct shmid_ds){ 0 }));
	R(shmctl(0, IPC_STAT, &(struct shmid_ds){ 0 }));
}

static void say_shm(int id)
{
	struct shmid_ds ds;

	if (shmctl(id, IPC_STAT, &ds)) {
		say("stat %d: %s", id, errno_name(errno));
		return;
	}
	say("%d: key %#x mode %o size %zu attached %ld by me %d last %d times %d %d %d", id,
	    ds.shm_perm.__key, ds.shm_perm.mode, ds.shm_segsz, (long)ds.shm_nattch,
	    ds.shm_cpid == getpid(), ds.shm_lpid == getpid(), !!ds.shm_atime, !!ds.shm_dtime,
	    !!ds.shm_ctime);
}

static void shm_attach(void)
{
	int id;
	char *p, *q;

	own_ipc();
	id = shmget(0x77, 2 * PAGE + 1, IPC_CREAT | 0640);
	say_shm(id);
	p = shmat(id, NULL, 0);
	q = shmat(id, NULL, SHM_RDONLY);
	say_shm(id);
	strcpy(p + PAGE, "hello");
	say("%s", q + PAGE);
	YES(p[2 * PAGE] == 0);
	YES(p[3 * PAGE - 1] == 0);
	R(mprotect(q, PAGE, PROT_READ | PROT_WRITE));
	R(mprotect(p, PAGE, PROT_READ));
	CHILD({
		say_shm(id);
		p[PAGE] = 'j';
	});
	say("%s", q + PAGE);
	say_shm(id);
	R(shmdt(p));
	R(shmdt(p));
	R(shmdt(q + PAGE));
	R(shmdt(q + 1));
	say_shm(id);
	R(shmdt(q));
	say_shm(id);
	p = shmat(id, NULL, 0);
	say("%s", p + PAGE);
	R(shmat(99, NULL, 0) == (void *)-1 ? -1 : 0);
	R(shmat(-1, NULL, 0) == (void *)-1 ? -1 : 0);
}

static void shm_split(void)
{
	int id;
	char *p;

	own_ipc();
	id = shmget(IPC_PRIVATE, 4 * PAGE, 0600);
	p = shmat(id, NULL, 0);
	R(munmap(p + PAGE, PAGE));
	say_shm(id);
	R(shmdt(p + 2 * PAGE));
	R(shmdt(p));
	say_shm(id);
	p = shmat(id, NULL, 0);
	R(munmap(p, PAGE));
	say_shm(id);
	R(shmdt(p));
	say_shm(id);
}

static void shm_where(void)
{
	char *room = mmap(NULL, 8 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *p;
	int id;

	own_ipc();
	id = shmget(IPC_PRIVATE, 2 * PAGE, 0600);
	O(shmat(id, room, 0) == (void *)-1 ? -1 : 0);
	O(shmat(id, room + 1, SHM_REMAP) == (void *)-1 ? -1 : 0);
	O(shmat(id, NULL, SHM_REMAP) == (void *)-1 ? -1 : 0);
	p = shmat(id, room + PAGE + 5, SHM_REMAP | SHM_RND);
	YES(p == room + PAGE);
	YES(p[2 * PAGE - 1] == 0);
	R(munmap(room, 8 * PAGE));
	say_shm(id);
	p = shmat(id, room, 0);
	YES(p == room);
	O(shmat(id, (void *)(1UL << 63), 0) == (void *)-1 ? -1 : 0);
	R(shmdt((void *)(1UL << 63)));
	R(shmdt(NULL));
}

static void shm_remove(void)
{
	int id;
	char *p;

	own_ipc();
	id = shmget(0x42, PAGE, IPC_CREAT | 0600);
	p = shmat(id, NULL, 0);
	strcpy(p, "still");
	R(shmctl(id, IPC_RMID, NULL));
	say_shm(id);
	R(shmget(0x42, 0, 0));
	R(shmget(0x42, PAGE, IPC_CREAT | 0600));
	CHILD({
		char *q = shmat(id, NULL, 0);

		say("%s", q == (void *)-1 ? errno_name(errno) : q);
	});
	R(shmctl(id, IPC_RMID, NULL));
	R(shmdt(p));
	say_shm(id);
	R(shmctl(id, IPC_RMID, NULL));
}

static void shm_maps(void)
{
	char line[300], *p;
	FILE *f;
	int id;

	own_ipc();
	shmget(IPC_PRIVATE, PAGE, 0600);
	id = shmget(0xbeef, PAGE, IPC_CREAT | 0600);
	p = shmat(id, NULL, 0);
	f = fopen("/proc/self/maps", "r");
	while (fgets(line, sizeof(line), f)) {
		unsigned long start, ino;
		char rights[8], name[100] = "";

		sscanf(line, "%lx-%*x %7s %*s %*s %lu %99[^\n]", &start, rights, &ino, name);
		if (start == (unsigned long)p)
			say("%s %lu %s", rights, ino, name);
	}
}

static void shm_exec_exit(void)
{
	int id;

	own_ipc();
	id = shmget(IPC_PRIVATE, PAGE, 0600);
	CHILD({
		shmat(id, NULL, 0);
		say_shm(id);
		execlp("true", "true", (char *)NULL);
	});
	say_shm(id);
	CHILD({
		char *p = shmat(id, NULL, 0);

		R(shmctl(id, IPC_RMID, NULL));
		if (!fork()) {
			nap(100);
			p[0] = 1;
			_exit(0);
		}
	});
	nap(300);
	say_shm(id);
}

static void shm_info_(void)
{
	struct shminfo limits;
	struct shm_info used;
	int id;
	char *p;

	own_ipc();
	R(shmctl(0, IPC_INFO, (struct shmid_ds *)&limits));
	say("%lx %lx %lu %lu %lx", limits.shmmax, limits.shmmin, limits.shmmni, limits.shmseg,
	    limits.shmall);
	shmget(IPC_PRIVATE, 3 * PAGE, 0600);
	id = shmget(IPC_PRIVATE, PAGE, 0600);
	p = shmat(id, NULL, 0);
	p[0] = 1;
	R(shmctl(0, SHM_INFO, (struct shmid_ds *)&used));
	say("%d %lu %lu %lu", used.used_ids, used.shm_tot, used.shm_rss, used.shm_swp);
	R(shmctl(1, SHM_STAT, &(struct shmid_ds){ 0 }));
	R(shmctl(2, SHM_STAT, &(struct shmid_ds){ 0 }));
	R(shmctl(1, 15, &(struct shmid_ds){ 0 }));
	R(shmctl(1, 77, NULL));
	R(shmctl(1, -1, NULL));
	R(shmctl(1, IPC_STAT, wild(8)));
	R(shmctl(1, SHM_LOCK, NULL));
	say_shm(1);
	R(shmctl(1, SHM_UNLOCK, NULL));
	R(shmctl(9, SHM_LOCK, NULL));
}

static void shm_set(void)
{
	struct shmid_ds ds = { 0 };
	int id;

	own_ipc();
	id = shmget(7, PAGE, IPC_CREAT | 0600);
	ds.shm_perm.mode = 07444;
	R(shmctl(id, IPC_SET, &ds));
	say_shm(id);
	R(shmctl(id, IPC_SET, wild(8)));
	ds.shm_perm.uid = -1;
	R(shmctl(id, IPC_SET, &ds));
}

/* ---- semaphores ---- */

static int sem(int id, int num, int op, int flags)
{
	struct sembuf b = { num, op, flags };

	return semop(id, &b, 1);
}

static void say_sems(int id)
{
	unsigned short v[10] = { 0 };
	struct semid_ds ds;
	char text[100] = "";

	if (semctl(id, 0, IPC_STAT, (union semun){ .buf = &ds })) {
		say("stat: %s", errno_name(errno));
		return;
	}
	semctl(id, 0, GETALL, (union semun){ .array = v });
	for (unsigned int i = 0; i < ds.sem_nsems; i++)
		sprintf(text + strlen(text), " %d", v[i]);
	say("%d, mode %o, otime %d:%s", (int)ds.sem_nsems, ds.sem_perm.mode, !!ds.sem_otime, text);
}

static void sem_get(void)
{
	own_ipc();
	R(semget(IPC_PRIVATE, 0, 0600));
	R(semget(IPC_PRIVATE, -1, 0600));
	R(semget(IPC_PRIVATE, 32001, 0600));
	R(semget(5, 3, 0600));
	R(semget(5, 3, IPC_CREAT | 0600));
	R(semget(5, 4, IPC_CREAT | 0600));
	R(semget(5, 0, 0));
	R(semget(5, 3, IPC_CREAT | IPC_EXCL | 0600));
	say_sems(semget(5, 0, 0));
}

static void sem_values(void)
{
	unsigned short v[3] = { 1, 2, 32767 }, bad[3] = { 1, 2, 32768 };
	int id;

	own_ipc();
	id = semget(IPC_PRIVATE, 3, 0600);
	R(semctl(id, 1, SETVAL, (union semun){ .val = 5 }));
	R(semctl(id, 1, GETVAL));
	R(semctl(id, 3, GETVAL));
	R(semctl(id, -1, GETVAL));
	R(semctl(id, 1, SETVAL, (union semun){ .val = 32768 }));
	R(semctl(id, 1, SETVAL, (union semun){ .val = -1 }));
	R(semctl(id, 3, SETVAL, (union semun){ .val = 1 }));
	R(semctl(id, 0, SETALL, (union semun){ .array = v }));
	say_sems(id);
	R(semctl(id, 0, SETALL, (union semun){ .array = bad }));
	R(semctl(id, 0, SETALL, (union semun){ .array = wild(8) }));
	R(semctl(id, 0, GETALL, (union semun){ .array = wild(8) }));
	YES(semctl(id, 1, GETPID) == getpid());
	R(sem(id, 2, 1, 0));
	R(sem(id, 0, -1, 0));
	say_sems(id);
	R(semctl(id, 0, 99));
	R(semctl(77, 0, GETVAL));
	R(semctl(-1, 0, GETVAL));
}

static void sem_op(void)
{
	struct sembuf two[] = { { 0, -1, 0 }, { 1, -1, IPC_NOWAIT } };
	struct sembuf same[] = { { 0, 3, 0 }, { 0, -2, 0 }, { 0, -1, 0 }, { 0, 0, 0 } };
	struct sembuf many[501] = { 0 };
	int id;

	own_ipc();
	id = semget(IPC_PRIVATE, 2, 0600);
	R(sem(id, 0, 2, 0));
	R(semop(id, two, 2));
	say_sems(id);
	R(sem(id, 1, 1, 0));
	R(semop(id, two, 2));
	say_sems(id);
	R(semctl(id, 0, SETVAL, (union semun){ .val = 0 }));
	R(semop(id, same, 4));
	say_sems(id);
	R(sem(id, 0, -1, IPC_NOWAIT));
	R(sem(id, 0, 0, 0));
	R(sem(id, 2, 1, 0));
	R(semop(id, two, 0));
	R(semop(id, many, 501));
	R(semop(id, many, 500));
	R(semop(id, wild(8), 1));
	R(semop(99, two, 1));
	R(semop(-1, two, 1));
}

static void sem_time(void)
{
	struct sembuf b = { 0, -1, 0 };
	struct timespec ts = { 0, 50000000 }, bad = { 0, 2000000000 };
	int id;

	own_ipc();
	id = semget(IPC_PRIVATE, 1, 0600);
	R(semtimedop(id, &b, 1, &ts));
	R(semtimedop(id, &b, 1, &bad));
	R(semtimedop(id, &b, 1, wild(8)));
	sem(id, 0, 1, 0);
	R(semtimedop(id, &b, 1, &ts));
}

static int shared_id;

static void take_both(void)
{
	struct sembuf both[] = { { 0, -1, 0 }, { 1, -1, 0 } };

	semop(shared_id, both, 2);
}
static void take_second(void)
{
	sem(shared_id, 1, -1, 0);
}
static void wait_zero(void)
{
	sem(shared_id, 0, 0, 0);
}

static void say_waiting(void)
{
	say("wait to grow %d %d, to be 0 %d %d", semctl(shared_id, 0, GETNCNT),
	    semctl(shared_id, 1, GETNCNT), semctl(shared_id, 0, GETZCNT),
	    semctl(shared_id, 1, GETZCNT));
}

static void sem_wait_(void)
{
	pid_t a, b, c;

	own_ipc();
	shared_id = semget(IPC_PRIVATE, 2, 0600);
	sem(shared_id, 0, 1, 0);
	a = begin_child(take_both);
	nap(100);
	b = begin_child(take_second);
	c = begin_child(wait_zero);
	nap(100);
	say_waiting();
	sem(shared_id, 1, 1, 0); /* for who came first, both of whose semaphores are there */
	say_sems(shared_id);
	say("%s", ended(reap(a)));
	say("%s", ended(reap(c)));
	say_waiting();
	YES(semctl(shared_id, 0, GETPID) == c);
	YES(semctl(shared_id, 1, GETPID) == a);
	sem(shared_id, 1, 1, 0);
	say("%s", ended(reap(b)));
	say_sems(shared_id);
}

static void removed_while(void)
{
	say("%s", sem(shared_id, 0, -1, 0) ? errno_name(errno) : "went on");
}
static void on_alarm(int sig)
{
}

static void sem_remove(void)
{
	pid_t a;

	own_ipc();
	shared_id = semget(9, 1, IPC_CREAT | 0600);
	a = begin_child(removed_while);
	nap(100);
	YES(!semctl(shared_id, 0, IPC_RMID) && (reap(a), true));
	R(sem(shared_id, 0, 1, 0));
	R(semctl(shared_id, 0, IPC_RMID));
	R(semget(9, 1, 0));
	shared_id = semget(9, 1, IPC_CREAT | 0600);
	say("%d", shared_id);
	sigaction(SIGUSR1, &(struct sigaction){ .sa_handler = on_alarm, .sa_flags = SA_RESTART },
		  NULL);
	a = begin_child(removed_while);
	nap(100);
	kill(a, SIGUSR1);
	reap(a);
	say_sems(shared_id);
}

static void sem_undo_exit(void)
{
	own_ipc();
	shared_id = semget(IPC_PRIVATE, 2, 0600);
	semctl(shared_id, 0, SETVAL, (union semun){ .val = 5 });
	CHILD({
		R(sem(shared_id, 0, -3, SEM_UNDO));
		R(sem(shared_id, 0, 1, SEM_UNDO));
		R(sem(shared_id, 1, 4, SEM_UNDO));
		say_sems(shared_id);
	});
	say_sems(shared_id);
	CHILD({
		sem(shared_id, 0, -5, SEM_UNDO);
		semctl(shared_id, 0, SETVAL, (union semun){ .val = 1 });
	});
	say_sems(shared_id);
	CHILD({
		sem(shared_id, 0, 2, SEM_UNDO);
		sem(shared_id, 0, -3, 0);
	});
	say_sems(shared_id); /* not below 0 */
	CHILD({
		sem(shared_id, 1, 3, SEM_UNDO);
		execlp("true", "true", (char *)NULL);
	});
	say_sems(shared_id);
	R(sem(shared_id, 1, 32767, SEM_UNDO));
	R(sem(shared_id, 1, -32767, 0));
	R(sem(shared_id, 1, 2, SEM_UNDO));
}

static void *add_three(void *arg)
{
	sem(shared_id, 0, 3, SEM_UNDO);
	return NULL;
}

/* A thread's values are its process's; CLONE_SYSVSEM is what shares them. */
static void sem_undo_thread(void)
{
	pthread_t t;

	own_ipc();
	shared_id = semget(IPC_PRIVATE, 1, 0600);
	CHILD({
		pthread_create(&t, NULL, add_three, NULL);
		pthread_join(t, NULL);
		say_sems(shared_id);
	});
	say_sems(shared_id);
	CHILD({
		pid_t pid = syscall(SYS_clone, CLONE_SYSVSEM | SIGCHLD, 0, 0, 0, 0);

		if (!pid) {
			add_three(NULL);
			_exit(0);
		}
		reap(pid);
		say_sems(shared_id);
		R(unshare(CLONE_SYSVSEM));
		say_sems(shared_id);
	});
	CHILD({
		add_three(NULL);
		R(unshare(CLONE_NEWIPC));
	});
	say_sems(shared_id);
}

static void sem_info_(void)
{
	struct seminfo i;

	own_ipc();
	semget(IPC_PRIVATE, 7, 0600);
	semget(IPC_PRIVATE, 5, 0600);
	R(semctl(0, 0, IPC_INFO, (union semun){ .info = &i }));
	say("%d %d %d %d %d %d %d %d %d %d", i.semmap, i.semmni, i.semmns, i.semmnu, i.semmsl,
	    i.semopm, i.semume, i.semusz, i.semvmx, i.semaem);
	R(semctl(0, 0, SEM_INFO, (union semun){ .info = &i }));
	say("%d %d", i.semusz, i.semaem);
	R(semctl(1, 0, SEM_STAT, no_set));
	R(semctl(5, 0, SEM_STAT, no_set));
}

/* ---- messages ---- */

struct text_msg {
	long type;
	char text[100];
};

static long put(int id, long type, const char *text, int flags)
{
	struct text_msg m = { .type = type };

	strcpy(m.text, text);
	return msgsnd(id, &m, strlen(text), flags);
}

static void get(int id, long type, int flags)
{
	struct text_msg m = { 0 };
	long n = msgrcv(id, &m, sizeof(m.text), type, flags | IPC_NOWAIT);

	if (n < 0)
		say("type %ld: %s", type, errno == ENOMSG ? "no message" : errno_name(errno));
	else
		say("type %ld: %ld %.*s", type, m.type, (int)n, m.text);
}

static void say_queue(int id)
{
	struct msqid_ds ds;

	if (msgctl(id, IPC_STAT, &ds))
		say("stat: %s", errno == EIDRM ? "EIDRM" : errno_name(errno));
	else
		say("%lu messages of %lu bytes, at most %lu, mode %o, by me %d %d, times %d %d %d",
		    (long)ds.msg_qnum, (long)ds.__msg_cbytes, (long)ds.msg_qbytes, ds.msg_perm.mode,
		    ds.msg_lspid == getpid(), ds.msg_lrpid == getpid(), !!ds.msg_stime,
		    !!ds.msg_rtime, !!ds.msg_ctime);
}

static void msg_types(void)
{
	int id;

	own_ipc();
	id = msgget(3, IPC_CREAT | 0600);
	say_queue(id);
	put(id, 5, "five", 0);
	put(id, 2, "two", 0);
	put(id, 9, "nine", 0);
	put(id, 2, "two again", 0);
	put(id, 7, "", 0);
	say_queue(id);
	get(id, 2, 0);
	get(id, -6, 0);
	get(id, 5, MSG_EXCEPT);
	get(id, -1, 0);
	get(id, 100, 0);
	get(id, 0, 0);
	get(id, 0, 0);
	get(id, 0, 0);
	say_queue(id);
}

static void msg_errors(void)
{
	static char big[9000];
	struct text_msg m = { 1, "12345" };
	int id;

	own_ipc();
	id = msgget(IPC_PRIVATE, 0600);
	R(msgsnd(id, &(struct text_msg){ .type = 0 }, 5, 0));
	R(msgsnd(id, &(struct text_msg){ .type = -3 }, 5, 0));
	R(msgsnd(id, wild(8), 5, 0));
	R(msgsnd(99, &m, 5, 0));
	R(msgsnd(-1, &m, 5, 0));
	*(long *)big = 1;
	R(msgsnd(id, big, 8193, 0));
	R(msgsnd(id, big, 8192, 0));
	R(msgsnd(id, big, 8192, 0));
	R(msgsnd(id, big, 1, IPC_NOWAIT));
	R(msgsnd(id, big, 0, IPC_NOWAIT));
	R(msgrcv(id, big, 100, 0, 0));
	R(msgrcv(id, big, 100, 0, MSG_NOERROR));
	R(msgrcv(id, wild(8), 8192, 0, 0));
	say_queue(id);
	R(msgrcv(id, big, -1, 0, 0));
	R(msgrcv(99, big, 1, 0, 0));
	R(msgrcv(id, big, 10, 0, IPC_NOWAIT | MSG_COPY | MSG_EXCEPT));
	R(msgrcv(id, big, 10, 0, MSG_COPY));
}

static void msg_copy(void)
{
	int id;

	own_ipc();
	id = msgget(IPC_PRIVATE, 0600);
	put(id, 5, "first", 0);
	put(id, 4, "second", 0);
	get(id, 0, MSG_COPY);
	get(id, 1, MSG_COPY);
	get(id, 2, MSG_COPY);
	say_queue(id);
}

static void receive_one(void)
{
	struct text_msg m = { 0 };
	long n = msgrcv(shared_id, &m, sizeof(m.text), 3, 0);

	say("%s", n < 0 ? (errno == EIDRM ? "EIDRM" : errno_name(errno)) : m.text);
}
static void send_one(void)
{
	long n = put(shared_id, 1, "more", 0);

	say("sent: %s", n < 0 ? (errno == EIDRM ? "EIDRM" : errno_name(errno)) : "yes");
}

static void msg_wait(void)
{
	struct msqid_ds ds;
	pid_t a;

	own_ipc();
	shared_id = msgget(IPC_PRIVATE, 0600);
	a = begin_child(receive_one);
	nap(100);
	put(shared_id, 2, "not this", 0);
	put(shared_id, 3, "this", 0);
	reap(a);
	msgctl(shared_id, IPC_STAT, &ds);
	ds.msg_qbytes = 10;
	R(msgctl(shared_id, IPC_SET, &ds));
	a = begin_child(send_one);
	nap(100);
	get(shared_id, 2, 0);
	reap(a);
	a = begin_child(receive_one);
	nap(100);
	YES(!msgctl(shared_id, IPC_RMID, NULL) && (reap(a), true));
	R(msgctl(shared_id, IPC_RMID, NULL));
	sigaction(SIGUSR1, &(struct sigaction){ .sa_handler = on_alarm, .sa_flags = SA_RESTART },
		  NULL);
	shared_id = msgget(IPC_PRIVATE, 0600);
	a = begin_child(receive_one);
	nap(100);
	kill(a, SIGUSR1);
	reap(a);
}

static void msg_info_(void)
{
	struct msginfo i;
	int id;

	own_ipc();
	id = msgget(IPC_PRIVATE, 0600);
	put(id, 1, "abcdef", 0);
	put(id, 1, "abc", 0);
	R(msgctl(0, IPC_INFO, (struct msqid_ds *)&i));
	say("%d %d %d %d %d %d %d %u", i.msgpool, i.msgmap, i.msgmax, i.msgmnb, i.msgmni, i.msgssz,
	    i.msgtql, i.msgseg);
	R(msgctl(0, MSG_INFO, (struct msqid_ds *)&i));
	say("%d %d %d", i.msgpool, i.msgmap, i.msgtql);
	R(msgctl(0, MSG_STAT, &unread_queue));
	R(msgctl(1, MSG_STAT, &unread_queue));
	R(msgctl(0, 99, NULL));
}

/* ---- all kinds ---- */

/* Another user: what the permissions give, and what needs a capability. */
static void permissions(void)
{
	struct shmid_ds ds = { 0 };
	int shm, set, queue;

	if (geteuid())
		unshare(CLONE_NEWUSER);
	if (geteuid() && geteuid() != 65534)
		return;
	own_ipc();
	shm = shmget(1, PAGE, IPC_CREAT | 0604);
	set = semget(1, 1, IPC_CREAT | 0602);
	queue = msgget(1, IPC_CREAT | 0600);
	R(setresgid(1000, 1000, 1000));
	R(setresuid(1000, 1000, 1000));
	R(shmget(1, PAGE, 0400));
	R(shmget(1, PAGE, 0600));
	R(shmget(1, PAGE, 0));
	O(shmat(shm, NULL, 0) == (void *)-1 ? -1 : 0);
	O(shmat(shm, NULL, SHM_RDONLY) == (void *)-1 ? -1 : 0);
	O(shmat(shm, NULL, SHM_RDONLY | SHM_EXEC) == (void *)-1 ? -1 : 0);
	R(shmctl(shm, IPC_STAT, &ds));
	R(shmctl(shm, IPC_SET, &ds));
	R(shmctl(shm, IPC_RMID, NULL));
	R(shmctl(shm, SHM_LOCK, NULL));
	R(sem(set, 0, 1, 0));
	R(sem(set, 0, 0, IPC_NOWAIT));
	R(semctl(set, 0, GETVAL));
	R(semctl(set, 0, SETVAL, (union semun){ .val = 3 }));
	R(semctl(set, 0, IPC_RMID));
	R(semctl(set, 0, SEM_STAT, no_set));
	R(semctl(set, 0, 20, no_set));
	R(put(queue, 1, "x", 0));
	get(queue, 0, 0);
	R(msgctl(queue, IPC_RMID, NULL));
	R(msgctl(queue, MSG_STAT, &unread_queue));
}

static void limits(void)
{
	static const char *const files[] = { "shmmax", "shmall", "shmmni", "sem",
					     "msgmax", "msgmnb", "msgmni" };

	if (geteuid())
		return;
	own_ipc();
	for (int i = 0; i < 7; i++) {
		char path[64];

		snprintf(path, sizeof(path), "/proc/sys/kernel/%s", files[i]);
		show_file(path);
	}
	R(put_text("/proc/sys/kernel/shmmni", "1"));
	R(shmget(IPC_PRIVATE, PAGE, 0600));
	R(shmget(IPC_PRIVATE, PAGE, 0600));
	R(put_text("/proc/sys/kernel/shmmni", "40000"));
	R(put_text("/proc/sys/kernel/shmmax", "5000"));
	R(shmget(IPC_PRIVATE, 5001, 0600));
	R(put_text("/proc/sys/kernel/shmall", "1"));
	R(put_text("/proc/sys/kernel/shmmni", "10"));
	R(shmget(IPC_PRIVATE, PAGE, 0600));
	R(put_text("/proc/sys/kernel/sem", "4 6 2 1"));
	R(semget(IPC_PRIVATE, 5, 0600));
	R(semget(IPC_PRIVATE, 4, 0600));
	R(semget(IPC_PRIVATE, 1, 0600));
	R(semop(0, (struct sembuf[3]){ 0 }, 3));
	show_file("/proc/sys/kernel/sem");
	R(put_text("/proc/sys/kernel/msgmax", "3"));
	R(msgget(IPC_PRIVATE, 0600));
	R(put(0, 1, "abcd", 0));
	R(put_text("/proc/sys/kernel/msgmnb", "x"));
}

static void proc_tables(void)
{
	int id;

	own_ipc();
	show_file("/proc/sysvipc/shm");
	show_file("/proc/sysvipc/sem");
	show_file("/proc/sysvipc/msg");
	semget(0x10, 3, IPC_CREAT | 0640);
	CHILD({
		char line[300];
		FILE *f = fopen("/proc/sysvipc/sem", "r");

		if (fgets(line, sizeof(line), f) && fgets(line, sizeof(line), f))
			say("%.48s", line);
	});
	id = shmget(-5, 5000, IPC_CREAT | 0604);
	shmctl(id, IPC_RMID, NULL);
	id = shmget(-5, 5000, IPC_CREAT | 0604);
	CHILD({
		char line[300];
		FILE *f = fopen("/proc/sysvipc/shm", "r");

		if (fgets(line, sizeof(line), f) && fgets(line, sizeof(line), f))
			say("%.47s", line);
	});
}

/* What one namespace has another does not see, and it goes with the last of it, but for mapped memory. */
static void namespaces(void)
{
	int shm, outer, inner;
	char *p;

	own_ipc();
	shm = shmget(1, PAGE, IPC_CREAT | 0600);
	p = shmat(shm, NULL, 0);
	strcpy(p, "outside");
	semget(1, 1, IPC_CREAT | 0600);
	msgget(1, IPC_CREAT | 0600);
	outer = open("/proc/self/ns/ipc", O_RDONLY);
	R(unshare(CLONE_NEWIPC));
	inner = open("/proc/self/ns/ipc", O_RDONLY);
	R(shmget(1, PAGE, 0));
	R(semget(1, 1, 0));
	R(msgget(1, 0));
	say("%s", p);
	R(shmget(2, PAGE, IPC_CREAT | 0600));
	R(setns(outer, CLONE_NEWIPC));
	R(shmget(1, PAGE, 0));
	R(shmget(2, PAGE, 0));
	say_shm(shm);
	R(setns(inner, 0));
	R(shmget(2, PAGE, 0));
	R(setns(inner, CLONE_NEWUTS));
	close(outer);
	say("%s", p);
	R(shmdt(p));
}

static void clone_flags(void)
{
	own_ns(0);
	R(syscall(SYS_clone, CLONE_NEWIPC | CLONE_SYSVSEM | SIGCHLD, 0, 0, 0, 0));
	CHILD({
		pid_t pid;
		int id;

		own_ipc();
		id = shmget(1, PAGE, IPC_CREAT | 0600);
		pid = syscall(SYS_clone, CLONE_NEWIPC | SIGCHLD, 0, 0, 0, 0);
		if (!pid) {
			R(shmget(1, PAGE, 0));
			_exit(0);
		}
		reap(pid);
		say_shm(id);
	});
}

ABI_MAIN(CASE(shm_get), CASE(shm_ids), CASE(shm_attach), CASE(shm_split), CASE(shm_where),
	 CASE(shm_remove), CASE(shm_maps), CASE(shm_exec_exit), CASE(shm_info_), CASE(shm_set),
	 CASE(sem_get), CASE(sem_values), CASE(sem_op), CASE(sem_time), CASE(sem_wait_),
	 CASE(sem_remove), CASE(sem_undo_exit), CASE(sem_undo_thread), CASE(sem_info_),
	 CASE(msg_types), CASE(msg_errors), CASE(msg_copy), CASE(msg_wait), CASE(msg_info_),
	 CASE(permissions), CASE(limits), CASE(proc_tables), CASE(namespaces), CASE(clone_flags))
