#ifndef TLSMGM_TEST_WORKER_TURN_H
#define TLSMGM_TEST_WORKER_TURN_H

struct tlsmgm_worker;

/*
 * Waits until the worker does nothing; it goes on when it is told, and finds all that has come
 * meanwhile. Unlike hold(), what it is asked for still gets into its mailbox.
 */
void tlsmgm_test_pause_worker(struct tlsmgm_worker *worker);
void tlsmgm_test_resume_worker(struct tlsmgm_worker *worker);

#endif
