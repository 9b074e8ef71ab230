/* Question: can any order, loss, tear, repeat or replay of exchange and settlement among three purses and the bank create or lose
 * value, take a payment twice, give back what was taken, or leave a payment without an end once both sides have reported?
 *
 * Abstractions: a payment moves one unit. Signatures are ideal: what was never sent cannot be delivered, what was sent can
 * be delivered at any later time, any number of times, or never. A step is one command of a purse or one item of the bank, which the
 * journal and the database make all or nothing; a tear is a step that never comes. Each purse has room for COUNTERS entries.
 *
 *   pay        PAY         the unit is reserved under the payer's next counter, for the payee's next one as the payer learned it
 *   deliver    DECIDE      taken or refused, only at exactly that counter
 *   answer     CONCLUDE    the receipt ends the payment; a decline gives the unit back by a void
 *   report     settlement  the bank counts the next entry of one purse
 *   told       TAKE        the payer hears that the bank released a payment, and writes a void
 */
#ifndef COUNTERS
#define COUNTERS 3
#endif
/* What is broken on purpose, to see that the checks find it: tools/spin runs each. */
#ifndef MUTANT
#define MUTANT 0
#endif
#define NO_RESERVE (MUTANT == 1)        /* the payer keeps what it pays until the receipt comes */
#define ANY_COUNTER (MUTANT == 2)       /* the payee takes a payment at an earlier counter too */
#define GIVES_BACK_ALWAYS (MUTANT == 3) /* the payer takes a receipt for a decline */
#define RELEASES_EARLY (MUTANT == 4)    /* the bank releases what it heard of from the payer alone */
#define BOOKS_TWICE (MUTANT == 5)       /* the bank books a payment for each side that reports it */
#define STAYS_OPEN (MUTANT == 6)        /* a payment that was given back may be given back again */
#define MUTANTS 6

#define PURSES 3
#define SLOTS (PURSES * (COUNTERS + 1))
#define AT(purse, counter) ((purse) * (COUNTERS + 1) + (counter))
#define TOTAL 2

mtype = { none, pay, receive, refuse, back, noted, booked, released };

/* Purses. Entry n of a purse stands at AT(purse, n), n from 1. */
byte value[PURSES];
byte counter[PURSES];
mtype kind[SLOTS];   /* of an entry */
byte partner[SLOTS]; /* pay: payee; receive, refuse: payer */
byte about[SLOTS];   /* pay: the payee's counter; receive, refuse: the payer's counter; back: the counter of the pay entry */
bool open[SLOTS];    /* pay: no answer yet */

/* The bank. */
byte counted[PURSES];
short shadow[PURSES];
byte in_flight;
mtype payment[SLOTS]; /* how the bank holds the payment of this pay entry */
bool voided[SLOTS];   /* the payer's void of it is counted */

/* True when the payment of purse p's entry c was taken by its payee. */
#define TAKEN(p, c) (counter[partner[AT(p, c)]] >= about[AT(p, c)] && \
                     kind[AT(partner[AT(p, c)], about[AT(p, c)])] == receive && \
                     partner[AT(partner[AT(p, c)], about[AT(p, c)])] == p && \
                     about[AT(partner[AT(p, c)], about[AT(p, c)])] == c)
/* True when its payee has moved on without it: it can never be taken any more. */
#define DEAD(p, c) (counter[partner[AT(p, c)]] >= about[AT(p, c)] && !TAKEN(p, c))

/* The payee takes a payment at exactly the counter that it is for. */
#define FITS(p, c, q) (counter[q] + 1 == about[AT(p, c)] || (ANY_COUNTER && counter[q] + 1 > about[AT(p, c)]))

inline write_entry(own, what, whom, which)
{
    counter[own]++;
    kind[AT(own, counter[own])] = what;
    partner[AT(own, counter[own])] = whom;
    about[AT(own, counter[own])] = which;
}

/* ---- purses ---- */

/* The payee's counter is the next one, or one that was next when the payer asked (older answers to `identify` stay around). */
inline do_pay(p, q, c)
{
    atomic {
        (p != q && value[p] > 0 && counter[p] < COUNTERS && c >= 1 && c <= counter[q] + 1 && c <= COUNTERS) ->
        value[p] = value[p] - (NO_RESERVE -> 0 : 1);
        write_entry(p, pay, q, c);
        open[AT(p, counter[p])] = true;
    }
}

inline do_deliver(p, c, q, yes)
{
    d_step {
        if
        :: yes ->
            write_entry(q, receive, p, c);
            value[q]++;
        :: else ->
            write_entry(q, refuse, p, c);
        fi
    }
}

inline give_back(p, c)
{
    value[p]++;
    open[AT(p, c)] = STAYS_OPEN;
    write_entry(p, back, p, c);
}

inline do_answer(p, c)
{
    d_step {
        if
        :: TAKEN(p, c) && !(GIVES_BACK_ALWAYS && counter[p] < COUNTERS) -> open[AT(p, c)] = false;
        :: else -> give_back(p, c);
        fi
    }
}

/* ---- the bank ---- */

inline release(p, c)
{
    if
    :: payment[AT(p, c)] == noted ->
        in_flight--;
        shadow[p]++;
        payment[AT(p, c)] = released;
    :: else -> skip;
    fi
}

/* What a counted entry of q at counter n says about payments that wanted this counter. */
inline release_others(q, n)
{
    i = 0;
    do
    :: i < PURSES ->
        k = 1;
        do
        :: k <= counted[i] ->
            if
            :: kind[AT(i, k)] == pay && partner[AT(i, k)] == q && about[AT(i, k)] == n &&
               !(kind[AT(q, n)] == receive && partner[AT(q, n)] == i && about[AT(q, n)] == k) ->
                release(i, k);
            :: else -> skip;
            fi;
            k++;
        :: else -> break;
        od;
        i++;
    :: else -> break;
    od;
    i = 0;
    k = 0;
}

inline count_pay(p, n)
{
    if
    :: payment[AT(p, n)] == booked -> /* the payee's report came first */
        shadow[p] = shadow[p] - (BOOKS_TWICE -> 1 : 0);
    :: else ->
        assert(payment[AT(p, n)] == none);
        shadow[p]--;
        in_flight++;
        payment[AT(p, n)] = noted;
        if
        :: counted[partner[AT(p, n)]] >= about[AT(p, n)] || RELEASES_EARLY -> release(p, n);
        :: else -> skip;
        fi
    fi
}

inline count_receive(p, n)
{
    if
    :: payment[AT(partner[AT(p, n)], about[AT(p, n)])] == noted ->
        in_flight--;
        shadow[p]++;
    :: payment[AT(partner[AT(p, n)], about[AT(p, n)])] == none ->
        shadow[partner[AT(p, n)]]--;
        shadow[p]++;
    :: BOOKS_TWICE && payment[AT(partner[AT(p, n)], about[AT(p, n)])] == booked -> shadow[p]++;
    :: else -> assert(false); /* booked twice, or released although it was taken */
    fi;
    payment[AT(partner[AT(p, n)], about[AT(p, n)])] = booked;
}

inline count_back(p, n)
{
    release(p, about[AT(p, n)]); /* the entry carries the payee's decline when the bank had not released it yet */
    assert(payment[AT(p, about[AT(p, n)])] == released);
    voided[AT(p, about[AT(p, n)])] = true;
}

inline do_report(p)
{
    d_step {
        counted[p]++;
        n = counted[p];
        if
        :: kind[AT(p, n)] == pay -> count_pay(p, n);
        :: kind[AT(p, n)] == receive -> count_receive(p, n);
        :: kind[AT(p, n)] == back -> count_back(p, n);
        :: else -> skip;
        fi;
        release_others(p, n);
        n = 0;
    }
}

/* ---- what must hold after every step ---- */

inline check()
{
    d_step {
        held = 0;
        booked_sum = in_flight;
        i = 0;
        do
        :: i < PURSES ->
            held = held + value[i];
            booked_sum = booked_sum + shadow[i];
            k = 1;
            do
            :: k <= counter[i] ->
                if
                :: kind[AT(i, k)] == pay ->
                    n = 1;
                    given_back = false;
                    do
                    :: n <= counter[i] ->
                        if
                        :: kind[AT(i, n)] == back && about[AT(i, n)] == k ->
                            assert(!given_back);
                            given_back = true;
                        :: else -> skip;
                        fi;
                        n++;
                    :: else -> break;
                    od;
                    n = 0;
                    assert(!(given_back && TAKEN(i, k)));
                    if
                    :: !given_back && !TAKEN(i, k) -> held++; /* on its way */
                    :: else -> skip;
                    fi
                :: else -> skip;
                fi;
                k++;
            :: else -> break;
            od;
            i++;
        :: else -> break;
        od;
        assert(held == TOTAL);       /* no unit created, none lost */
        assert(booked_sum == TOTAL); /* and so in the books */
        /* When everybody has reported everything, the books say what is so, and no payment that is over still waits. */
        if
        :: counted[0] == counter[0] && counted[1] == counter[1] && counted[2] == counter[2] ->
            i = 0;
            do
            :: i < PURSES ->
                given = 0;
                k = 1;
                do
                :: k <= counter[i] ->
                    if
                    :: kind[AT(i, k)] == pay && DEAD(i, k) ->
                        assert(payment[AT(i, k)] == released);
                        if
                        :: !voided[AT(i, k)] -> given++; /* it will hear so at its next contact */
                        :: else -> skip;
                        fi
                    :: kind[AT(i, k)] == pay && TAKEN(i, k) -> assert(payment[AT(i, k)] == booked);
                    :: else -> skip;
                    fi;
                    k++;
                :: else -> break;
                od;
                assert(shadow[i] == value[i] + given);
                i++;
            :: else -> break;
            od
        :: else -> skip;
        fi;
        i = 0;
        k = 0;
        held = 0;
        booked_sum = 0;
        given = 0;
        given_back = false;
    }
}

active proctype world()
{
    byte p, q, c, n, i, k, held, given;
    short booked_sum;
    bool given_back;
    d_step {
        value[0] = 1;
        value[1] = 1;
        shadow[0] = 1;
        shadow[1] = 1;
        i = 0;
        do
        :: i < SLOTS -> kind[i] = none; payment[i] = none; i++;
        :: else -> break;
        od;
        i = 0;
    }
    do
    :: atomic {
        select(p : 0 .. PURSES - 1);
        select(q : 0 .. PURSES - 1);
        select(c : 1 .. COUNTERS);
        if
        :: p != q && value[p] > 0 && counter[p] < COUNTERS && c <= counter[q] + 1 -> do_pay(p, q, c);
        /* The payment of p's entry c arrives; also again, also late. */
        :: c <= counter[p] && kind[AT(p, c)] == pay && partner[AT(p, c)] == q && FITS(p, c, q) &&
           counter[q] < COUNTERS -> do_deliver(p, c, q, true);
        :: c <= counter[p] && kind[AT(p, c)] == pay && partner[AT(p, c)] == q && FITS(p, c, q) &&
           counter[q] < COUNTERS -> do_deliver(p, c, q, false);
        /* The payee's signed word arrives; a payer that took it already takes it again without effect. */
        :: q == p && c <= counter[p] && kind[AT(p, c)] == pay && open[AT(p, c)] && TAKEN(p, c) -> do_answer(p, c);
        :: q == p && c <= counter[p] && kind[AT(p, c)] == pay && open[AT(p, c)] && DEAD(p, c) && counter[p] < COUNTERS ->
            do_answer(p, c);
        :: q == p && c == 1 && counted[p] < counter[p] -> do_report(p);
        /* The bank's word that a payment was released. */
        :: q == p && c <= counted[p] && kind[AT(p, c)] == pay && open[AT(p, c)] && payment[AT(p, c)] == released &&
           counter[p] < COUNTERS -> d_step { give_back(p, c); }
        :: else -> skip;
        fi;
        p = 0;
        q = 0;
        c = 0;
        check();
    }
    od
}
