/* SPDX-License-Identifier: MIT */
/* What the storm draws from: names, what is written to them, and the calls (storm_calls.c alone). Format: many short items a line. */
#ifndef TESTS_EL0_STORM_POOLS_H
#define TESTS_EL0_STORM_POOLS_H

#include <sys/syscall.h>

/* clang-format off */
static const char *const paths[] = {
	"a", "b", "d", "d/x", "l", "loop", "fifo", "sock", "m", "m/f", "big", "/h/a", "/h/d", "/", ".", "..", "", "prog", "script", "d/../d/./y/",
	"/h/none/x", "mnt", "mnt/q", "tmpfs", "proc", "sysfs", "/mq", "mq", "/dev/zero", "/dev/null", "/dev/full", "/dev/random", "/dev/ptmx",
	"/dev/pts/0", "/dev/shm/x", "/proc/self/maps", "/proc/self/smaps", "/proc/self/smaps_rollup", "/proc/self/pagemap", "/proc/self/mem",
	"/proc/self/status", "/proc/self/stat", "/proc/self/statm", "/proc/self/fd", "/proc/self/fd/5", "/proc/self/fdinfo/6", "/proc/self/exe",
	"/proc/self/cwd", "/proc/self/root", "/proc/self/environ", "/proc/self/cmdline", "/proc/self/auxv", "/proc/self/comm",
	"/proc/self/oom_score_adj", "/proc/self/clear_refs", "/proc/self/coredump_filter", "/proc/self/timers", "/proc/self/uid_map",
	"/proc/self/gid_map", "/proc/self/setgroups", "/proc/self/limits", "/proc/self/mounts", "/proc/self/mountinfo", "/proc/self/task",
	"/proc/self/numa_maps", "/proc/self/timens_offsets", "/proc/self/map_files", "/proc/self/io", "/proc/self/syscall", "/proc/thread-self/stat",
	"/proc/self/ns/mnt", "/proc/self/ns/pid", "/proc/self/ns/user", "/proc/self/ns/ipc", "/proc/self/ns/uts", "/proc/self/ns/time",
	"/proc/self/ns/pid_for_children", "/proc/1/maps", "/proc/1/status", "/proc/2/maps", "/proc/2/mem", "/proc/3/smaps", "/proc/3/fd",
	"/proc/4/ns/mnt", "/proc/5/ns/user", "/proc/5/pagemap", "/proc/6/cwd", "/proc/7/exe", "/proc/8/stat", "/proc/9/environ", "/proc/10/mem",
	"/proc/11/task", "/proc/meminfo", "/proc/slabinfo", "/proc/zoneinfo", "/proc/vmallocinfo", "/proc/buddyinfo", "/proc/pagetypeinfo",
	"/proc/vmstat", "/proc/kpageflags", "/proc/kpagecount", "/proc/locks", "/proc/mounts", "/proc/stat", "/proc/sysvipc/shm",
	"/proc/sysvipc/msg", "/proc/sysvipc/sem", "/proc/filesystems", "/proc/loadavg", "/proc/uptime", "/proc/sys",
	"/proc/sys/vm/overcommit_memory", "/proc/sys/vm/overcommit_ratio", "/proc/sys/vm/max_map_count", "/proc/sys/vm/mmap_min_addr",
	"/proc/sys/vm/drop_caches", "/proc/sys/vm/compact_memory", "/proc/sys/vm/min_free_kbytes", "/proc/sys/vm/admin_reserve_kbytes",
	"/proc/sys/vm/user_reserve_kbytes", "/proc/sys/vm/oom_kill_allocating_task", "/proc/sys/vm/overcommit_kbytes",
	"/proc/sys/vm/watermark_scale_factor", "/proc/sys/vm/lowmem_reserve_ratio", "/proc/sys/vm/percpu_pagelist_high_fraction",
	"/proc/sys/kernel/pid_max", "/proc/sys/kernel/threads-max", "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/shmmax",
	"/proc/sys/kernel/shmall", "/proc/sys/kernel/shmmni", "/proc/sys/kernel/sem", "/proc/sys/kernel/msgmax", "/proc/sys/kernel/msgmni",
	"/proc/sys/kernel/msgmnb", "/proc/sys/kernel/randomize_va_space", "/proc/sys/kernel/ns_last_pid", "/proc/sys/fs/pipe-max-size",
	"/proc/sys/fs/nr_open", "/proc/sys/fs/file-max", "/proc/sys/fs/mqueue/msg_max", "/proc/sys/fs/mqueue/queues_max",
	"/proc/sys/fs/inotify/max_user_watches", "/proc/sys/fs/suid_dumpable", "/proc/sys/user/max_user_namespaces",
	"/sys/kernel/mm/transparent_hugepage/enabled", "/sys/kernel/mm/transparent_hugepage/defrag",
	"/sys/kernel/mm/transparent_hugepage/hugepages-64kB/enabled", "/sys/kernel/mm/transparent_hugepage/hugepages-2048kB/enabled",
	"/sys/kernel/mm/transparent_hugepage/shmem_enabled", "/sys/kernel/mm/transparent_hugepage/use_zero_page", "/sys/devices/system/node",
};

static const char *const texts[] = {
	"0", "1", "2", "3", "-1", "100", "1000", "65536", "4294967295", "18446744073709551615", "always", "never", "madvise", "inherit", "defer",
	"0 0 1", "0 1000 1", "1000 1000 10\n0 0 1", "deny", "allow", "core", "|/h/prog %p", "/h/core.%p.%e", "x", "32000 1 1 1", "",
	"9999999999999999999999", "monotonic 100 0", "boottime -1 5",
};

/*
 * A call: what its arguments are, a letter each (see argument()), and how often it comes.
 */
static const struct {
	short nr, weight;
	const char *args;
} table[] = {
#define C(name, weight, args) {SYS_##name, weight, args}
	C(setxattr, 1, "sXblx"), C(lsetxattr, 1, "sXblx"), C(fsetxattr, 1, "fXblx"), C(getxattr, 1, "sXbl"),
	C(fgetxattr, 1, "fXbl"), C(listxattr, 1, "sbl"), C(flistxattr, 1, "fbl"), C(removexattr, 1, "sX"), C(fremovexattr, 1, "fX"),
	C(getcwd, 1, "bl"), C(eventfd2, 2, "nx"), C(epoll_create1, 2, "x"), C(epoll_ctl, 4, "fnfe"), C(epoll_pwait, 3, "fbn0Sz"), C(dup, 2, "f"),
	C(dup3, 2, "ffx"), C(fcntl, 6, "fCn"), C(fcntl, 3, "fCb"), C(inotify_init1, 1, "x"), C(inotify_add_watch, 2, "fsx"),
	C(inotify_rm_watch, 1, "fn"), C(ioctl, 4, "fCb"), C(ioprio_set, 1, "npx"), C(ioprio_get, 1, "np"), C(flock, 2, "fn"), C(mknodat, 2, "Fsxr"),
	C(mkdirat, 2, "Fsx"), C(unlinkat, 3, "Fsx"), C(symlinkat, 2, "sFs"), C(linkat, 2, "FsFsx"), C(renameat, 2, "FsFs"), C(umount2, 2, "sx"),
	C(mount, 3, "sssxb"), C(mount, 3, "sstxb"), C(statfs, 1, "sb"), C(fstatfs, 1, "fb"), C(truncate, 2, "so"), C(ftruncate, 4, "fo"),
	C(fallocate, 5, "fxol"), C(faccessat, 1, "Fsx"), C(chdir, 1, "s"), C(fchdir, 1, "f"), C(chroot, 1, "s"), C(fchmod, 1, "fx"),
	C(fchmodat, 1, "Fsx"), C(fchownat, 1, "Fsuux"), C(fchown, 1, "fuu"), C(openat, 12, "Fsxx"), C(close, 3, "f"), C(vhangup, 1, ""),
	C(pipe2, 3, "bx"), C(getdents64, 3, "fbl"), C(lseek, 3, "fon"), C(read, 8, "fbl"), C(write, 8, "fbl"), C(readv, 4, "fvV"),
	C(writev, 4, "fvV"), C(pread64, 4, "fblo"), C(pwrite64, 4, "fblo"), C(preadv, 2, "fvVo"), C(pwritev, 2, "fvVo"), C(sendfile, 4, "ffOl"),
	C(pselect6, 2, "nbbbtb"), C(ppoll, 2, "bntSz"), C(signalfd4, 2, "fSzx"), C(vmsplice, 3, "fvVx"), C(splice, 4, "fOfOlx"), C(tee, 2, "fflx"),
	C(readlinkat, 2, "Fsbl"), C(newfstatat, 1, "Fsbx"), C(fstat, 1, "fb"), C(sync, 1, ""), C(fsync, 1, "f"), C(sync_file_range, 1, "follx"),
	C(timerfd_create, 2, "cx"), C(timerfd_settime, 2, "fnTb"), C(timerfd_gettime, 1, "fb"), C(utimensat, 1, "Fsbx"), C(acct, 1, "s"),
	C(capget, 1, "hb"), C(capset, 1, "hb"), C(personality, 1, "x"), C(waitid, 3, "npbxb"), C(set_tid_address, 1, "b"), C(unshare, 3, "U"),
	C(futex, 10, "bCntbn"), C(futex, 5, "aCntbn"), C(set_robust_list, 2, "b2"), C(get_robust_list, 1, "pbb"), C(nanosleep, 2, "tb"),
	C(getitimer, 1, "nb"), C(setitimer, 1, "nbb"), C(timer_create, 3, "cEb"), C(timer_gettime, 1, "nb"), C(timer_getoverrun, 1, "n"),
	C(timer_settime, 3, "nnTb"), C(timer_delete, 2, "n"), C(clock_settime, 1, "cb"), C(clock_nanosleep, 2, "cntb"), C(syslog, 1, "nbl"),
	C(ptrace, 8, "CpAb"), C(ptrace, 4, "Cpbb"), C(sched_setparam, 1, "pb"), C(sched_setscheduler, 1, "pnb"), C(sched_setaffinity, 2, "plb"),
	C(sched_getaffinity, 1, "plb"), C(sched_yield, 1, ""), C(sched_rr_get_interval, 1, "pb"), C(restart_syscall, 1, ""), C(kill, 2, "pg"),
	C(tkill, 2, "pg"), C(tgkill, 2, "ppg"), C(sigaltstack, 1, "bb"), C(rt_sigsuspend, 1, "Sz"), C(rt_sigaction, 1, "gbbz"),
	C(rt_sigprocmask, 2, "nSbz"), C(rt_sigpending, 1, "bz"), C(rt_sigtimedwait, 2, "Sbtz"), C(rt_sigqueueinfo, 2, "pgb"),
	C(setpriority, 1, "npn"), C(getpriority, 1, "np"), C(setregid, 1, "uu"), C(setgid, 1, "u"), C(setreuid, 1, "uu"), C(setuid, 1, "u"),
	C(setresuid, 1, "uuu"), C(getresuid, 1, "bbb"), C(setfsuid, 1, "u"), C(times, 1, "b"), C(setpgid, 1, "pp"), C(getpgid, 1, "p"),
	C(getsid, 1, "p"), C(setsid, 1, ""), C(getgroups, 1, "nb"), C(setgroups, 1, "nb"), C(uname, 1, "b"), C(sethostname, 1, "bl"),
	C(setdomainname, 1, "bl"), C(setrlimit, 1, "nb"), C(getrusage, 1, "nb"), C(umask, 1, "x"), C(prctl, 5, "Cnbbb"), C(prctl, 2, "Cnnnn"),
	C(getcpu, 1, "bb"), C(gettimeofday, 1, "bb"), C(settimeofday, 1, "bb"), C(adjtimex, 1, "b"), C(sysinfo, 1, "b"), C(mq_open, 2, "Qxx0"),
	C(mq_unlink, 1, "Q"), C(mq_timedsend, 2, "fblnt"), C(mq_timedreceive, 2, "fblbt"), C(mq_notify, 1, "fE"), C(mq_getsetattr, 1, "fbb"),
	C(msgget, 2, "kx"), C(msgctl, 2, "inb"), C(msgrcv, 2, "iblnx"), C(msgsnd, 2, "iblx"), C(semget, 2, "knx"), C(semctl, 3, "innb"),
	C(semtimedop, 2, "ibnt"), C(semop, 1, "ibn"), C(shmget, 3, "kLx"), C(shmctl, 3, "iCb"), C(shmat, 5, "iax"), C(shmdt, 3, "a"),
	C(socket, 3, "1yn"), C(socketpair, 3, "1y0b"), C(bind, 2, "fKq"), C(listen, 1, "fn"), C(accept, 2, "fbb"), C(connect, 2, "fKq"),
	C(getsockname, 1, "fbb"), C(getpeername, 1, "fbb"), C(sendto, 2, "fblxKq"), C(recvfrom, 2, "fblxbb"), C(setsockopt, 2, "fnnbl"),
	C(getsockopt, 2, "fnnbb"), C(shutdown, 1, "fn"), C(sendmsg, 4, "fmx"), C(recvmsg, 4, "fmx"), C(readahead, 1, "fol"), C(brk, 2, "B"),
	C(munmap, 25, "aL"), C(mremap, 40, "aLLMa"), C(mmap, 60, "aLPMfo"), C(fadvise64, 1, "foln"), C(mprotect, 30, "aLP"), C(msync, 5, "aLn"),
	C(mlock, 6, "aL"), C(munlock, 6, "aL"), C(mlockall, 1, "n"), C(munlockall, 2, ""), C(mincore, 4, "aLb"), C(madvise, 40, "aLA"),
	C(remap_file_pages, 4, "aL0nx"), C(mbind, 4, "aLnbnx"), C(get_mempolicy, 2, "bbnax"), C(set_mempolicy, 1, "nbn"),
	C(migrate_pages, 1, "pnbb"), C(move_pages, 4, "pnbbbx"), C(rt_tgsigqueueinfo, 1, "ppgb"), C(accept4, 1, "fbbx"), C(wait4, 5, "pbxb"),
	C(prlimit64, 2, "pnbb"), C(clock_adjtime, 1, "cb"), C(syncfs, 1, "f"), C(setns, 3, "fU"), C(process_vm_readv, 8, "pvVvV0"),
	C(process_vm_writev, 8, "pvVvV0"), C(kcmp, 1, "ppnff"), C(sched_setattr, 1, "pbx"), C(sched_getattr, 1, "pblx"), C(renameat2, 2, "FsFsx"),
	C(seccomp, 1, "nxb"), C(getrandom, 1, "blx"), C(memfd_create, 4, "sx"), C(execveat, 1, "Fsbbx"), C(membarrier, 2, "xxn"),
	C(mlock2, 5, "aLn"), C(copy_file_range, 3, "fOfOl0"), C(preadv2, 1, "fvVonx"), C(pwritev2, 1, "fvVonx"), C(pkey_mprotect, 2, "aLPn"),
	C(pkey_alloc, 1, "nn"), C(pkey_free, 1, "n"), C(statx, 1, "Fsxxb"), C(rseq, 1, "blxn"), C(pidfd_send_signal, 2, "fgbx"), C(fsopen, 1, "tx"),
	C(fsconfig, 1, "fnbbn"), C(pidfd_open, 3, "px"), C(close_range, 1, "ffx"), C(openat2, 2, "Fsbl"), C(pidfd_getfd, 2, "ff0"),
	C(faccessat2, 1, "Fsxx"), C(process_madvise, 4, "fvVA0"), C(epoll_pwait2, 2, "fbntSz"), C(process_mrelease, 2, "f0"),
	C(set_mempolicy_home_node, 1, "aLnn"), {447 /* memfd_secret */, 2, "x"}, {449 /* futex_waitv */, 2, "bnntc"},
	{451 /* cachestat */, 2, "fbb0"}, {452 /* fchmodat2 */, 1, "Fsxx"}, {462 /* mseal */, 1, "aL0"},
#undef C
};
/* clang-format on */

#endif
