/* SPDX-License-Identifier: MIT */
/*
 * Wall-clock time on a machine that others use: many short samples, of which the least is what the code costs, and the median what it
 * cost there and then.
 *
 * A sample goes from where the last thread arrives until the last one has ended. It is a fraction of a scheduler's slice, so that
 * some are not disturbed; threads that wait for others spin, so that they all run when it begins.
 */
#ifndef BENCH_HOST_SAMPLE_H
#define BENCH_HOST_SAMPLE_H

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define HOST_SAMPLES 200U
#define HOST_THREADS 2U

struct host_job {
	/* One sample's work, on the thread that plays this CPU. */
	void (*work)(const struct host_job *job, unsigned int cpu);
	unsigned int threads;
	unsigned long ops; /* of a sample, on each thread */
	/* What the work wants to know. */
	unsigned int kind, order;
	size_t size;
	/* Of this file. */
	unsigned int arrived;
	double start[HOST_SAMPLES], end[HOST_THREADS][HOST_SAMPLES];
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

static void *host_run(void *arg)
{
	const struct host_thread *t = arg;
	struct host_job *job = t->job;
	unsigned int i, spins = 0;

	host_cpu = t->cpu;
	/* What a thread needs once is not what is measured. */
	job->work(job, t->cpu);
	for (i = 0; i < HOST_SAMPLES; i++) {
		unsigned int all = (i + 1) * job->threads;

		if (__atomic_add_fetch(&job->arrived, 1, __ATOMIC_SEQ_CST) == all)
			job->start[i] = host_now();
		while (__atomic_load_n(&job->arrived, __ATOMIC_ACQUIRE) < all)
			if (++spins % 100000 == 0)
				sched_yield();
		job->work(job, t->cpu);
		job->end[t->cpu][i] = host_now();
	}
	return NULL;
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
	double ns[HOST_SAMPLES];
	unsigned int i, k;

	job->arrived = 0;
	for (i = 0; i < job->threads; i++) {
		t[i] = (struct host_thread){.job = job, .cpu = i};
		if (pthread_create(&t[i].thread, NULL, host_run, &t[i]))
			exit(1);
	}
	for (i = 0; i < job->threads; i++)
		pthread_join(t[i].thread, NULL);
	for (i = 0; i < HOST_SAMPLES; i++) {
		double last = job->end[0][i];

		for (k = 1; k < job->threads; k++)
			last = max(last, job->end[k][i]);
		ns[i] = (last - job->start[i]) / (double)job->ops;
	}
	qsort(ns, HOST_SAMPLES, sizeof(ns[0]), host_by_value);
	printf("%s\t%u\t%.2f\t%.2f\n", name, job->threads, ns[0], ns[HOST_SAMPLES / 2]);
}

#endif
