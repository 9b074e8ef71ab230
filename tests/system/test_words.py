"""Does a person at the command line get what they asked for in words, and the next step when it is refused?"""
import time

from kinchaku import AGAIN, FAULT, OK, REFUSED, USAGE, run


def words(uim, *arguments, text=None):
    return run("kinchaku-station", "--uim", uim.path, *arguments, text=text)


# shows: R-CASH-5
def test_only_ok_is_ok(shared):
    uim = shared.open(fund=100)
    for answer in ("OK\n", "ok\n", "y\n", "Yes\n"):
        done = words(uim, "withdraw", 10, text=answer)
        assert done.status == OK and "OK or NG?" in done.err and "completed" in done.out, done
    assert uim.both() == (60, 40)
    for answer in ("NG\n", "no\n", "\n", "", "okay then\n"):
        done = words(uim, "withdraw", 10, text=answer)
        assert done.status == OK and "nothing was changed" in done.out, done
    assert uim.both() == (60, 40)


def test_an_old_letter_is_told_before_it_blocks(shared, tmp_path):
    uim = shared.open()
    new = tmp_path / "new"
    new.touch(0o600)
    for bad in ("", "123\n", "12345678901234\n", "12a4\n"):
        new.write_text(bad)
        assert words(uim, "pin", new).status == USAGE
    new.write_text("864209\n")
    done = words(uim, "pin", new)
    assert done.status == OK and f"{uim.path}.letter" in done.err, done
    done = words(uim, "history")
    assert done.status == REFUSED and f"{uim.path}.letter" in done.err, done


def test_a_pin_that_is_none_opens_nothing(shared, tmp_path):
    pin = tmp_path / "pin"
    pin.touch(0o600)
    before = shared.bank("stats").json, len(shared.authority("list").objects)
    for bad in ("", "123\n", "12345678901234\n", "12a4\n"):
        pin.write_text(bad)
        assert shared.apply(shared.ordinary_account(), tmp_path / "a.uim", "--pin-file", pin).status == USAGE
    missing = shared.apply(shared.ordinary_account(), tmp_path / "a.uim", "--keys", tmp_path)
    assert missing.error == "file-missing" and "sign.key" in missing.err, missing
    assert before == (shared.bank("stats").json, len(shared.authority("list").objects))
    assert [path.name for path in tmp_path.iterdir()] == ["pin"]


def test_bulk_takes_what_a_spreadsheet_writes(shared, tmp_path):
    csv = tmp_path / "people.csv"
    row = f'"Eva Öz",Street,1,{shared.ordinary_account()},{tmp_path}/a.uim,rs3072\r\n'
    csv.write_bytes(b"\xef\xbb\xbf" + row.encode() + b"x,y\r\n")
    done = shared.registrar("bulk", "--file", csv)
    assert [line["result"] for line in done.objects] == ["ok", "malformed"], done
    account = shared.bank("account", done.objects[0]["account"]).objects[0]
    assert (account["name"], account["suite"]) == ("Eva Öz", "rs3072")
    missing = shared.registrar("bulk", "--file", tmp_path / "none.csv")
    assert missing.error == "file-missing" and "none.csv" in missing.err, missing


def test_a_value_that_is_none_is_named(alone):
    """The option that is wrong, its value, and what it may be; nothing about others."""
    alone.up()
    for program, arguments, option, may in [
            ("kinchaku-bank", ("account", "10000008", "--charge", "bogus"), "charge", "account, ordinary, included or paid"),
            ("kinchaku-bank", ("purse", "10000016", "--log-policy", "bogus"), "log-policy", "refuse, overwrite or report"),
            ("kinchaku-bank", ("roll", "--days", "bogus"), "days", "0 to 3660"),
            ("kinchaku", ("roll", "--days", "bogus"), "days", "0 to 3660"),
            ("kinchaku-authority", ("roll", "--root", "--days", "bogus"), "days", "1 to 7300"),
            ("kinchaku-authority", ("revoke", "--account", "bogus"), "account", "an account's number with its check digit"),
            ("kinchaku-authority", ("server", "--name", "bogus"), "name", "bank or registrar"),
            ("kinchaku", ("up", "--bank", "bogus"), "bank", "a number from 1"),
            ("kinchaku", ("up", "--currency", "bogus"), "currency", "three capital letters"),
            ("kinchaku", ("up", "--decimals", "bogus"), "decimals", "0 to 8"),
            ("kinchaku", ("up", "--store", "bogus"), "store", "sqlite")]:
        done = run(program, "--dir", alone.dir, *arguments)
        assert done.status == USAGE and f"--{option} is {may}, not 'bogus'\n" in done.err.splitlines(True)[0], done
    done = words(alone.open(), "renew", "--by", "bogus")
    assert done.status == USAGE and "--by is uim or authority, not 'bogus'\n" in done.err.splitlines(True)[0], done
    for word in ("nothing", "bogus", ""):
        done = words(alone.open(), "renew", "--lose", word)
        assert done.status == USAGE and f"hotlist, not '{word}'\n" in done.err.splitlines(True)[0], done
    done = run("kinchaku", "--dir", alone.dir, "roll", "--authority", "--days", 3)
    assert done.status == USAGE and "the bank's keys" in done.err, done
    for verb in ("renew", "account", "purse", "close", "evidence"):
        for number in ("abc", "", "1x", "1 "):
            done = run("kinchaku-bank", "--dir", alone.dir, verb, number)
            assert done.status == USAGE and "is a number" in done.err, (verb, done)
        done = run("kinchaku-bank", "--dir", alone.dir, verb, "10000990")
        assert done.status == REFUSED and (verb == "evidence" or ": 10000990 (" in done.err), (verb, done)
    for words_of, other in ((("--root", "--authority"), "--root or --authority"), (("--root", "--emergency"), "--root or --emergency")):
        done = run("kinchaku", "--dir", alone.dir, "roll", *words_of)
        assert done.status == USAGE and f"{other}, not both\n" in done.err.splitlines(True)[0], done
    done = run("kinchaku", "--dir", alone.dir / "none", "roll")
    assert "there is no system" in done.err, done


# shows: R-RENEW-2 R-NODE-1
def test_an_operator_is_told_what_is_wrong(alone):
    alone.up()
    uim = alone.open()
    done = run("kinchaku-bank", "--dir", alone.dir, "evidence", "999")
    assert "no alert has this number" in done.err, done
    # The holder's renewal is begun and not ended: no keys of the authority until it has ended.
    uim.must("fund", 100)
    assert words(uim, "renew", "--lose", "quote").status == AGAIN
    done = run("kinchaku-bank", "--dir", alone.dir, "renew", uim.account)
    assert "the holder's own renewal is under way" in done.err and "sync" not in done.err, done
    uim.must("renew")
    assert alone.bank("renew", uim.account).status == OK
    for _ in range(2):
        assert alone.authority("revoke", "--account", uim.account).status == OK
    assert alone.authority("revoke", "--account", 10000990).status == REFUSED


# shows: R-SEC-4
def test_a_lost_report_says_how_far_it_came(alone, tmp_path):
    alone.up()
    password = tmp_path / "password"
    password.touch(0o600)
    password.write_text("a password\n")
    uim, other = alone.open("--password-file", password), alone.open()

    def lost(purse):
        return alone.registrar("lost", "--account", uim.account, "--purse", purse, "--password-file", password)

    done = lost(other.purse)
    assert (done.status, done.error) == (REFUSED, "unknown-account") and "out" not in done.json, done
    assert "the purse is not of this account" in done.err, done
    alone.kill("authority")
    done = lost(uim.purse)
    assert (done.status, done.error, done.json.get("out")) == (AGAIN, "authority-unavailable", True), done
    assert "out of use already" in done.err and "by itself" in done.err, done
    row = alone.bank("purse", uim.purse).objects[0]
    assert (row["state"], row["revocation"]) == ("blocked", "pending"), row
    assert uim.purse in [one["purse"] for one in alone.bank("hotlist").objects]
    alone.up()
    for _ in range(300):
        row = alone.bank("purse", uim.purse).objects[0]
        if row["revocation"] == "done":
            break
        time.sleep(0.1)
    assert row["revocation"] == "done", row
    assert lost(uim.purse).status == OK


def test_a_file_that_is_no_purse_is_told_from_a_damaged_one(shared, tmp_path):
    path = tmp_path / "text"
    for content, none in ((b"", True), (b"only a text\n", True), (b"a" * 168 * 1024, True), (shared.open().path.read_bytes()[:-1], False)):
        path.write_bytes(content)
        path.chmod(0o600)
        done = run("kinchaku-station", "--json", "--uim", path, "show")
        assert (done.status, done.error) == (FAULT, "purse-corrupt"), done
        assert (f"{path} is no UIM" in done.err) == none, done
