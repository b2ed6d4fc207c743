import pytest

from eventproc import errors


@pytest.mark.parametrize(
    ("kind", "code", "shell"),
    [
        ("CommandLineError", 7000, 88),
        ("ConfigFileNotFound", 7001, 89),
        ("ConfigFileReadError", 7002, 90),
        ("ModuleFailure", 8002, 66),
        ("BadAlloc", 8004, 68),
        ("ProductNotFound", 8006, 70),
        ("ConfigurationError", 8009, 73),
        ("LogicError", 8010, 74),
        ("EventTimeout", 8015, 79),
        ("EventCorruption", 8016, 80),
        ("FileOpenError", 8020, 84),
        ("FileReadError", 8021, 85),
        ("MismatchedInputFiles", 8023, 87),
        ("FileWriteError", 8033, 97),
        ("UnavailableAccelerator", 8035, 99),
        ("ExternalFailure", 8036, 100),
        ("UnexpectedTermination", 8901, 197),
    ],
)
def test_each_error_has_cmssws_code_and_the_shell_sees_it_modulo_256(kind, code, shell):
    error = getattr(errors, kind)("why")
    assert (error.exit_code, error.shell_code) == (code, shell)


def test_a_signal_is_9000_in_the_report_and_128_plus_n_to_the_shell():
    error = errors.CaughtSignal("stopped", 15)
    assert (error.exit_code, error.shell_code) == (9000, 143)


def test_context_grows_outwards():
    error = errors.LogicError("why")
    error.add_context("module")
    error.add_context("event")
    assert error.context == ["event", "module"]


def test_foreign_exceptions_become_the_frameworks_and_keep_their_cause():
    cause = KeyError("x")
    failure = errors.as_framework_error(cause)
    assert (failure.exit_code, failure.__cause__, str(failure)) == (8002, cause, "KeyError: 'x'")
    assert errors.as_framework_error(MemoryError()).exit_code == 8004
    assert errors.as_framework_error(failure) is failure


def test_near_names_offers_what_is_near_else_what_there_is():
    assert errors.near_names("ecaljets", ["ecalJets", "x"]) == "did you mean 'ecalJets'?"
    assert errors.near_names("zzz", ["a", "b"]) == "known: 'a', 'b'"
    assert errors.near_names("zzz", []) == "there are none"
    assert errors.near_names("zzz", [], "no job file lies there") == "no job file lies there"
