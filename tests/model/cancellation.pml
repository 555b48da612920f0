/* How a cancellation reaches a task (executor/task_state.cpp), for spin.
 *
 * Modelled      task 0 waits for event 0, then for event 1; or, with FORWARD, for event 0, for task 1, which waits for
 *               event 1, and for event 2. Two workers run what is ready: while suspend() is still at work on one, the next step may begin on the other.
 *               CANCELLERS cancel task 0 at any moment. Every interleaving of the atomic steps; a lock is a bit.
 *               What a task is told by CancelledError ends it. Event 0 comes; the others may not come once a cancel was
 *               accepted, so that one which is not delivered leaves the task waiting for ever: an invalid end state.
 *               With GATHER task 0 begins inside a gather, not yet known to it: the cancellers ask the gather
 *               (executor/gathering.cpp), which marks itself, and cancels the child if that has been promoted by then.
 *               So does a scope with a task that it does not know yet (executor/newcomers.hpp).
 *               With ONCE, beside FORWARD, there is one request: to task 0, or to both as one (cancel_each). Between
 *               what it is told and its end a task cleans up: at its end it must not have the request to raise again.
 * Not modelled  memory orders; messages; several waits for one task; the numbers of several requests at a time.
 * Checked       a waiting task is made ready once (I2 of task_state.hpp), no step begins while another goes on, a request
 *               that was accepted is raised, or makes the task end cancelled (I3), unless it had ended when it was asked
 *               again, and nothing is raised without one; no deadlock. With ONCE: no task is told twice (I4).
 *
 *     spin -a cancellation.pml && cc -O2 -DSAFETY -o pan pan.c && ./pan -m1000000
 *
 * Faults that must be found, by -D: FORGET_RUNNING (a cancel of a running task is not kept), NO_LOOK_AT_SUSPEND,
 * SPLIT_END (the end looks for requests and for who waits, and is seen, in two steps), SPLIT_CLAIM (the event takes the waiter in two steps), NO_LOCK_IN_SUSPEND, NO_LOCK_IN_STEP (a step begins while
 * suspend is at work), RESUME_BEFORE_DUE, KEEP_WAITING (a step does not clear the wait point),
 * FORGET_AT_END (a task that was cancelled in its last step ends by its result: who awaits it never hears of a cancel
 * that went on to it; so the code was until this model); with FORWARD: NO_SECOND_ASK (what it
 * awaited ended in between, and it is not asked again), SPLIT_WATCH (who waits looks for the end, and is seen to wait, in
 * two steps), KEEP_TOO_LATE (the same from suspend: the request is kept for
 * the next step, which may have gone by: so the code was until this model); with GATHER: NO_LOOK_AT_PROMOTION, MARK_AFTER_LOOK (the gather
 * marks itself after it looked for children, in two steps); with ONCE: NEW_NUMBER (suspend passes the request on under another
 * number), NOT_HEARD (a task to which CancelledError comes through what it awaited still has the request to raise),
 * HEARD_LATER (so has one that is asked only then): so the code was until this shape.
 */
#ifdef ONCE
#define CANCELLERS 1
#else
#define CANCELLERS 2
#endif
#define WORKERS 2
#ifdef FORWARD
#define TASKS 2
#else
#define TASKS 1
#endif

bool task_lock[2], waiting[2], must_cancel[2], cancel_due[2], ended[2], in_step[2];
byte ready[2];     /* how often it stands in a queue */
byte phase[2];     /* the wait that it is in, or comes to next */
bool was_waiting[2];
bool raised[2];    /* CancelledError was raised in it */
byte accepted[2];  /* requests that were */

bool event_lock[3], fired[3], armed[3];  /* the waiter of each is fixed */
bool asked[2], told[2];                  /* the one request has reached it; was raised there: requests_->last, raised */
bool had_ended = false;                  /* task 0, when it was asked again: nothing was left to cancel */
bool awaited = false;                    /* task 0 has its node in task 1 */

#ifdef GATHER
bool gather_lock = false, gather_cancelled = false, promoted = false;
#endif

inline lock(held) { atomic { !held -> held = true } }
inline unlock(held) { held = false }

/* Who claimed the wake-up. */
inline make_ready(t) {
    atomic { assert(ready[t] == 0 && !ended[t]); ready[t]++ }
}

#ifdef ONCE
#define WAS_ASKED(t) asked[t]
#define WAS_TOLD(t) told[t]
#else
#define WAS_ASKED(t) false
#define WAS_TOLD(t) false
#endif

/* Of what task 0 awaited. */
#define HAS_ERROR(t) ((t) == 0 && phase[0] == 2 && raised[1])

/* task_state::make_due */
inline make_due(t) {
    cancel_due[t] = true;
    told[t] = true
}

/* task_state::hear */
inline hear(t) {
#if defined(ONCE) && !defined(NOT_HEARD)
    lock(task_lock[t]);
#ifndef HEARD_LATER
    told[t] = true;
#endif
    must_cancel[t] = (asked[t] -> false : must_cancel[t]);
    unlock(task_lock[t])
#else
    skip
#endif
}

/* The event that wait p of task t is for. */
#ifdef FORWARD
#define EVENT(t, p) ((t) == 1 -> 1 : (p))
#define IS_FOR_TASK(t, p) ((t) == 0 && (p) == 1)
#ifdef ONCE
#define LAST(t) ((t) == 0 -> 2 : 1)
#else
#define LAST(t) ((t) == 0 -> 3 : 1)
#endif
#else
#define EVENT(t, p) (p)
#define IS_FOR_TASK(t, p) false
#define LAST(t) 2
#endif

/* wait_point::arm, under the task's lock: `suspends` tells. */
inline arm(t, suspends) {
    if
    :: IS_FOR_TASK(t, phase[t]) ->
       lock(task_lock[1]);
#ifdef SPLIT_WATCH
       suspends = !ended[1];
       awaited = suspends;
#else
       atomic { suspends = !ended[1]; awaited = suspends };  /* is_watched */
#endif
       unlock(task_lock[1])
    :: else ->
       lock(event_lock[EVENT(t, phase[t])]);
       suspends = !fired[EVENT(t, phase[t])];
       if
       :: suspends -> armed[EVENT(t, phase[t])] = true
       :: else
       fi;
       unlock(event_lock[EVENT(t, phase[t])])
    fi
}

/* wait_point::cancel of a wait for an event, under the task's lock. */
inline detach(t, detached) {
    assert(!in_step[t]);
    lock(event_lock[EVENT(t, phase[t])]);
    detached = armed[EVENT(t, phase[t])];
    armed[EVENT(t, phase[t])] = false;
    unlock(event_lock[EVENT(t, phase[t])])
}

/* task_state::announce */
inline announce(t, reached) {
    lock(task_lock[t]);
    if
    :: WAS_ASKED(t) -> reached = true
    :: !WAS_ASKED(t) && WAS_TOLD(t) && !ended[t] -> reached = true
    :: else -> atomic { reached = !ended[t]; must_cancel[t] = must_cancel[t] || reached }
    fi;
    if
    :: reached -> accepted[t]++; asked[t] = true
    :: else
    fi;
    unlock(task_lock[t])
}

/* task_state::cancel_here; `forwarded`: ask task 1 instead. `first` FRESH: under a number of its own. */
#define FRESH 2
inline cancel_here(t, first, reached, forwarded, detached) {
    reached = false;
    forwarded = false;
    detached = false;
    lock(task_lock[t]);
    if
    :: ended[t] -> reached = first == 1 && (WAS_ASKED(t) || WAS_TOLD(t)); unlock(task_lock[t])
    :: !ended[t] && first != FRESH && (WAS_TOLD(t) || (first == 1 && WAS_ASKED(t) && !(waiting[t] && must_cancel[t]))) ->
       reached = true;
       asked[t] = true;
       unlock(task_lock[t])
    :: else ->
       reached = true;
       if
       :: first == 1 && WAS_ASKED(t) -> must_cancel[t] = false
       :: else
       fi;
       if
       :: !waiting[t] ->  /* it runs, and may end without the lock as long as it was not asked */
#ifdef FORGET_RUNNING
          reached = !ended[t];
#else
          atomic { reached = !ended[t]; must_cancel[t] = reached };
#endif
       :: else
       fi;
       if
       :: first != 0 && reached && !(first == 1 && WAS_ASKED(t)) -> accepted[t]++; asked[t] = true
       :: else
       fi;
       if
       :: !waiting[t] -> unlock(task_lock[t])
       :: waiting[t] && IS_FOR_TASK(t, phase[t]) ->
          forwarded = !ended[1];
          if
          :: !forwarded -> must_cancel[t] = true
          :: else
          fi;
          unlock(task_lock[t])
       :: else ->
          detach(t, detached);
          if
          :: detached ->
             waiting[t] = false;
#ifdef RESUME_BEFORE_DUE
             make_ready(t);
             make_due(t);
             unlock(task_lock[t])
#else
             make_due(t);
             unlock(task_lock[t]);
             make_ready(t)
#endif
          :: else ->
             must_cancel[t] = true;
             unlock(task_lock[t])
          fi
       fi
    fi
}

/* task_state::cancel: down to what is awaited; when that has ended in between, the task is asked again. */
inline cancel(t, reached, forwarded, detached, again) {
    again = true;
    cancel_here(t, 1, reached, forwarded, detached);
    do
    :: forwarded ->
       cancel_here(1, 1, again, forwarded, detached);
       if
       :: again -> forwarded = false
       :: else ->
#ifdef NO_SECOND_ASK
          forwarded = false
#else
          cancel_here(t, 0, again, forwarded, detached);
          had_ended = had_ended || !again
#endif
       fi
    :: else -> break
    od
}

/* From suspend: the request goes to task 1; if that had ended, to task 0 itself, wherever it is by now. */
inline forward_from_suspend(reached, forwarded, detached) {
#ifdef NEW_NUMBER
    cancel_here(1, FRESH, reached, forwarded, detached);
#else
    cancel_here(1, 1, reached, forwarded, detached);
#endif
    if
    :: !reached ->
#ifdef KEEP_TOO_LATE
       lock(task_lock[0]);
       must_cancel[0] = true;
       unlock(task_lock[0])
#else
       cancel_here(0, 0, reached, forwarded, detached);  /* it never waits for a second task */
       assert(!forwarded);
       had_ended = had_ended || !reached
#endif
    :: else
    fi
}

/* task_state::suspend; `suspends` false: it goes on at once. `reached`: the request is passed on. */
inline suspend(t, suspends, reached, forwarded, detached) {
    reached = false;
#ifndef NO_LOCK_IN_SUSPEND
    lock(task_lock[t]);
#endif
    waiting[t] = true;
    arm(t, suspends);
    if
    :: !suspends -> waiting[t] = false
    :: else ->
       in_step[t] = false;
       was_waiting[t] = true;
#ifndef NO_LOOK_AT_SUSPEND
       if
       :: must_cancel[t] ->
          must_cancel[t] = false;
          if
          :: IS_FOR_TASK(t, phase[t]) ->
             reached = !ended[1];  /* forwarded, below */
             must_cancel[t] = !reached
          :: else ->
             detach(t, detached);
             if
             :: detached ->
                waiting[t] = false;
                make_due(t);
                in_step[t] = true;
                was_waiting[t] = false;
                suspends = false
             :: else -> must_cancel[t] = true
             fi
          fi
       :: else
       fi
#else
       skip
#endif
    fi;
#ifndef NO_LOCK_IN_SUSPEND
    unlock(task_lock[t]);
#endif
    if
    :: reached -> forward_from_suspend(reached, forwarded, detached)
    :: else
    fi
}

/* task_state::end. */
#ifdef FORGET_AT_END
#define NEEDS_LOCK_AT_END(t) ((t) == 1 && awaited)
#else
#define NEEDS_LOCK_AT_END(t) (must_cancel[t] || ((t) == 1 && awaited))
#endif
inline end(t, fires) {
    /* One exchange, where there is neither a request nor who waits. */
#ifdef SPLIT_END
    fires = NEEDS_LOCK_AT_END(t);
    ended[t] = !fires;
#else
    atomic { fires = NEEDS_LOCK_AT_END(t); ended[t] = !fires };
#endif
    if
    :: fires ->
       lock(task_lock[t]);
#ifndef FORGET_AT_END
       if
       :: must_cancel[t] ->
#ifdef ONCE
          assert(!raised[t]);
#endif
          must_cancel[t] = false;
          raised[t] = true
       :: else
       fi;
#endif
       ended[t] = true;
       fires = t == 1 && awaited;
       awaited = (t == 1 -> false : awaited);
       unlock(task_lock[t])
    :: else
    fi;
    if
    :: fires -> make_ready(0)
    :: else
    fi
}

byte workers_done = 0;

/* A worker's loop: task_state::step. */
active [WORKERS] proctype worker() {
    byte t;
    bool suspends, reached, forwarded, detached;
    do
    :: atomic { ended[0] && (TASKS == 1 || ended[1]) -> break }
    :: atomic { ready[0] > 0 -> ready[0]--; t = 0 };
       goto begin
    :: atomic { TASKS == 2 && ready[1] > 0 -> ready[1]--; t = 1 };
begin:
       /* begin_step */
       if
       :: waiting[t] || must_cancel[t] ->
#ifndef NO_LOCK_IN_STEP
          lock(task_lock[t]);
#endif
#ifndef KEEP_WAITING
          waiting[t] = false;
#endif
          if
          :: must_cancel[t] -> must_cancel[t] = false; make_due(t)
          :: else
          fi;
#ifndef NO_LOCK_IN_STEP
          unlock(task_lock[t])
#endif
       :: else
       fi;
       atomic { assert(!in_step[t]); in_step[t] = true };
       suspends = false;
       if
       :: was_waiting[t] -> was_waiting[t] = false; phase[t]++
       :: else
       fi;
       do
       :: cancel_due[t] ->  /* throw_if_cancelled; for a task that has not begun, collect_cancelled */
          cancel_due[t] = false;
          raised[t] = true;
          break
       :: !cancel_due[t] && HAS_ERROR(t) ->  /* it is the result of what it awaited */
          hear(0);
          raised[0] = true;
          break
       :: !cancel_due[t] && !HAS_ERROR(t) && phase[t] == LAST(t) -> break
       :: !cancel_due[t] && !HAS_ERROR(t) && phase[t] < LAST(t) ->
#ifdef GATHER
          /* gathering::promote, before the first wait */
          if
          :: phase[t] == 0 && !promoted ->
             lock(gather_lock);
             promoted = true;
             reached = gather_cancelled;
             unlock(gather_lock);
#ifndef NO_LOOK_AT_PROMOTION
             if
             :: reached -> cancel_here(0, 1, reached, forwarded, detached)
             :: else
             fi
#endif
          :: else
          fi;
#endif
          suspend(t, suspends, reached, forwarded, detached);
          if
          :: suspends -> break
          :: else -> phase[t]++
          fi
       od;
       if
       :: suspends -> suspends = false
       :: else ->
          in_step[t] = false;
          end(t, detached);
       fi
    od;
    workers_done++
}

/* What is waited for comes. */
inline fire(e, t, found) {
#ifdef SPLIT_CLAIM
    fired[e] = true;
    found = armed[e];
    armed[e] = false;
#else
    lock(event_lock[e]);
    fired[e] = true;
    found = armed[e];
    armed[e] = false;
    unlock(event_lock[e]);
#endif
    if
    :: found -> make_ready(t)
    :: else
    fi
}

byte cancellers_done = 0;

active proctype events() {
    bool found;
    fire(0, 0, found);
    if
    :: fire(1, TASKS - 1, found)
    :: cancellers_done == CANCELLERS && accepted[TASKS - 1] > 0  /* it never comes */
    fi;
#if defined(FORWARD) && !defined(ONCE)
    if
    :: fire(2, 0, found)
    :: cancellers_done == CANCELLERS && accepted[0] > 0
    fi
#endif
}

active [CANCELLERS] proctype canceller() {
    bool reached, forwarded, detached, again;
#ifdef ONCE
    bool as_one;  /* task_state::cancel_each of both */
    if
    :: as_one = true; announce(1, reached); announce(0, reached)
    :: as_one = true; announce(0, reached); announce(1, reached)
    :: skip
    fi;
#endif
#ifdef GATHER
    /* gathering::cancel */
    lock(gather_lock);
#ifdef MARK_AFTER_LOOK
    again = promoted;
    unlock(gather_lock);
    gather_cancelled = true;
#else
    gather_cancelled = true;
    again = promoted;
    unlock(gather_lock);
#endif
    if
    :: again -> cancel(0, reached, forwarded, detached, again)
    :: else -> accepted[0]++  /* taken by the gather */
    fi;
#else
    cancel(0, reached, forwarded, detached, again);
#endif
#ifdef ONCE
    if
    :: as_one -> cancel_here(1, 1, reached, forwarded, detached)
    :: else
    fi;
#endif
    cancellers_done++
}

init {
    ready[0] = 1;
#ifdef FORWARD
    ready[1] = 1;
#endif
    (workers_done == WORKERS && cancellers_done == CANCELLERS);
    assert(!raised[0] || accepted[0] > 0 || (TASKS == 2 && accepted[1] > 0));
#ifndef GATHER
    assert(accepted[0] == 0 || raised[0] || raised[1] || had_ended)
#endif
}
