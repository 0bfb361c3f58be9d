/* SPDX-License-Identifier: MIT */
/*
 * Wall-clock time on a machine that others use: many short samples, of which the least is what the code costs, and the median what it
 * cost there and then.
 *
 * A sample goes from where the last thread arrives until the last one has ended. It is a fraction of a scheduler's slice, so that
 * some are not disturbed; threads that wait for others spin, so that they all run when it begins. Samples are taken until there were
 * HOST_SAMPLES, and several as short as the least, or for HOST_SECONDS.
 */
#ifndef BENCH_HOST_SAMPLE_H
#define BENCH_HOST_SAMPLE_H

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define HOST_SAMPLES 200U
#define HOST_SAMPLES_MAX 20000U
#define HOST_LEAST 5U /* samples that are within a fiftieth of the least */
#define HOST_SECONDS 2.0
#define HOST_THREADS 2U

struct host_job {
	/* One sample's work, on the thread that plays this CPU. */
	void (*work)(const struct host_job *job, unsigned int cpu);
	/* Makes ready for the next one, unmeasured; NULL: nothing is to be done. */
	void (*undo)(const struct host_job *job, unsigned int cpu);
	unsigned int threads;
	unsigned long ops; /* of a sample, on each thread */
	/* What the work wants to know. */
	unsigned int kind, order;
	size_t size;
	/* Of this file. */
	unsigned int arrived, released, nr;
	double begun, start, end[HOST_THREADS], ns[HOST_SAMPLES_MAX];
};

struct host_thread {
	pthread_t thread;
	struct host_job *job;
	unsigned int cpu;
};

static double host_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* A sample has ended, all threads wait. Returns whether there were enough. */
static bool host_sampled(struct host_job *job)
{
	double last = job->end[0], least;
	unsigned int i, n = 0;

	for (i = 1; i < job->threads; i++)
		last = max(last, job->end[i]);
	job->ns[job->nr++] = (last - job->start) / (double)job->ops;
	if (job->nr % HOST_SAMPLES)
		return false;
	for (i = 1, least = job->ns[0]; i < job->nr; i++)
		least = min(least, job->ns[i]);
	for (i = 0; i < job->nr; i++)
		n += job->ns[i] <= least * 1.02;
	return n >= HOST_LEAST || job->nr >= HOST_SAMPLES_MAX ||
	       host_now() - job->begun > HOST_SECONDS * 1e9;
}

static void *host_run(void *arg)
{
	const struct host_thread *t = arg;
	struct host_job *job = t->job;
	unsigned int round, spins = 0;

	host_cpu = t->cpu;
	/* What a thread needs once is not what is measured. */
	job->work(job, t->cpu);
	if (job->undo)
		job->undo(job, t->cpu);
	for (round = 1;; round++) {
		if (__atomic_add_fetch(&job->arrived, 1, __ATOMIC_ACQ_REL) ==
		    round * job->threads) {
			bool enough = round > 1 && host_sampled(job);

			job->start = host_now();
			__atomic_store_n(&job->released, enough ? UINT_MAX : round,
					 __ATOMIC_RELEASE);
		}
		while (__atomic_load_n(&job->released, __ATOMIC_ACQUIRE) < round)
			if (++spins % 100000 == 0)
				sched_yield();
		if (__atomic_load_n(&job->released, __ATOMIC_ACQUIRE) == UINT_MAX)
			return NULL;
		job->work(job, t->cpu);
		job->end[t->cpu] = host_now();
		if (job->undo)
			job->undo(job, t->cpu);
	}
}

static int host_by_value(const void *a, const void *b)
{
	return (*(const double *)a > *(const double *)b) -
	       (*(const double *)a < *(const double *)b);
}

/* Prints "NAME THREADS LEAST MEDIAN" in ns an operation of one thread, tab-separated. */
static void host_measure(const char *name, struct host_job *job)
{
	struct host_thread t[HOST_THREADS];
	unsigned int i;

	job->arrived = job->released = job->nr = 0;
	job->begun = host_now();
	for (i = 0; i < job->threads; i++) {
		t[i] = (struct host_thread){.job = job, .cpu = i};
		if (pthread_create(&t[i].thread, NULL, host_run, &t[i]))
			exit(1);
	}
	for (i = 0; i < job->threads; i++)
		pthread_join(t[i].thread, NULL);
	qsort(job->ns, job->nr, sizeof(job->ns[0]), host_by_value);
	printf("%s\t%u\t%.2f\t%.2f\n", name, job->threads, job->ns[0], job->ns[job->nr / 2]);
}

#endif
