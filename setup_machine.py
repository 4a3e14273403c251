"""Prepares this machine for Wren; `make setup` runs it.

Steps, each passed over when its result is there: Debian packages, the virtual environment `.venv`, the
locked Python packages, llama.cpp (a wheel built once per user and kind of processor, about four minutes on
two cores), Wren itself, and the embedded default models. Only the standard library is imported, as nothing is
installed yet; it runs on any Python 3 far enough to say which ones Wren works with.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin/python"
STAMP = VENV / "wren-setup.stamp"
LOCK = ROOT / "requirements.lock"

OLDEST, NEWEST = (3, 11), (3, 13)
UV = "uv==0.13.9"
LLAMA = "llama-cpp-python==0.3.36"
LLAMA_SOURCE_SHA256 = "832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e"
LLAMA_CMAKE_ARGS = "-DLLAVA_BUILD=OFF -DLLAMA_CURL=OFF -G Ninja"
LLAMA_LEFT_OUT = "set(LLAMA_BUILD_COMMON OFF)\n"
"""CMake to include in llama.cpp's project: Python never loads that library, and it is half the work."""

DEBIAN_PACKAGES = {
    "build-essential": "compilers, for llama.cpp and PyAudio",
    "cmake": "builds llama.cpp",
    "ninja-build": "builds llama.cpp",
    "portaudio19-dev": "sound cards, for PyAudio",
    "libspeexdsp1": "recognition while Wren speaks",
    "libasound2-plugins": "lets PortAudio reach PulseAudio and PipeWire",
    "mosquitto": "the MQTT broker of the demo and the tests",
    "mosquitto-clients": "watches the broker from outside in the tests",
    "pulseaudio": "the software sound card of the tests",
    "pulseaudio-utils": "controls the software sound card of the tests",
    "espeak-ng": "a voice that is not Wren's own, for the tests",
    "flite": "a second voice for the tests",
}
SOUND_SERVERS = {"pulseaudio": "pipewire-pulse"}
"""Package to the one that makes it superfluous: it would replace the desktop's sound server."""

QUIET_LINE_EVERY_S = 10.0
TAIL_LINES = 30


class SetupError(Exception):
    """The machine cannot be prepared; the message says why and what to do."""


def main() -> int:
    """Run every step; returns the exit status."""
    try:
        check_python()
        install_debian_packages()
        if not is_up_to_date():
            make_environment()
            install_locked_packages()
            install_llama()
            run([*uv(), "pip", "install", "--quiet", "--no-deps", "--editable", str(ROOT)], uv_environment())
            STAMP.write_text(fingerprint())
        run([str(PYTHON), "-m", "models", "fetch"], dict(os.environ))
    except SetupError as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("setup: stopped; run it again to go on where it stopped", file=sys.stderr)
        return 130
    return 0


def check_python() -> None:
    """Refuse a Python that Wren's packages do not support."""
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        raise SetupError(
            f"this is Python {platform.python_version()} and Wren needs 3.{OLDEST[1]} to 3.{NEWEST[1]}: "
            f"name another one, such as `make setup PYTHON=python3.{NEWEST[1]}`"
        )


def wanted_debian_packages() -> dict[str, str]:
    """Name and reason of every Debian package that this machine and this Python need."""
    wanted = dict(DEBIAN_PACKAGES)
    version = f"python3.{sys.version_info.minor}"
    if importlib.util.find_spec("ensurepip") is None:
        wanted[f"{version}-venv"] = "virtual environments"
    if not (Path(sysconfig.get_path("include")) / "Python.h").exists():
        wanted[f"{version}-dev"] = "Python's headers, for PyAudio"
    return wanted


def installed_debian_packages(names: list[str]) -> set[str]:
    """Those of `names` that are installed."""
    query = ["dpkg-query", "--show", "--showformat", "${db:Status-Abbrev}${Package}\n", *names]
    answer = subprocess.run(query, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    return {line.split()[1] for line in answer.stdout.splitlines() if line.startswith("ii ")}


def install_debian_packages() -> None:
    """Install what is missing, with sudo when not root."""
    wanted = wanted_debian_packages()
    if shutil.which("dpkg-query") is None:
        print("setup: this is not Debian; these have to be there under their names here:")
        print(package_list(wanted))
        return
    installed = installed_debian_packages([*wanted, *SOUND_SERVERS.values()])
    missing = {name: why for name, why in wanted.items() if name not in installed | not_wanted(installed)}
    if not missing:
        return
    print(f"setup: Debian packages are missing:\n{package_list(missing)}", flush=True)
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    become_root = (
        [] if os.geteuid() == 0 else ["sudo", *([] if sys.stdin.isatty() else ["--non-interactive"])]
    )
    keep = ["--preserve-env=DEBIAN_FRONTEND"] if become_root else []
    install = ["apt-get", "install", "--yes", "--no-install-recommends", *missing]
    try:
        run([*become_root, *keep, "apt-get", "update", "--quiet"], environment)
        run([*become_root, *keep, *install, "--quiet"], environment)
    except SetupError as error:
        raise SetupError(
            f"the packages listed above could not be installed ({error}); have an administrator run\n"
            f"    {shlex.join(install)}\nand run the set-up again"
        ) from error


def not_wanted(installed: set[str]) -> set[str]:
    """Packages to leave out because the machine has what does their work."""
    return {name for name, instead in SOUND_SERVERS.items() if instead in installed}


def package_list(packages: dict[str, str]) -> str:
    """One line for each package, with its reason."""
    return "\n".join(f"    {name:20} {why}" for name, why in packages.items())


def fingerprint() -> str:
    """Changes when the installed packages have to."""
    parts = [
        LOCK.read_bytes(),
        (ROOT / "pyproject.toml").read_bytes(),
        Path(__file__).read_bytes(),
        sys.version.encode(),
    ]
    return hashlib.sha256(b"\0".join([*parts, llama_folder().name.encode()])).hexdigest()


def is_up_to_date() -> bool:
    """Tell whether the environment was set up completely from the files as they are."""
    return PYTHON.exists() and STAMP.exists() and STAMP.read_text() == fingerprint()


def make_environment() -> None:
    """Have `.venv` with pip and uv, of the Python that runs this."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    there = (VENV / f"lib/python{version}").is_dir() and PYTHON.exists()
    if VENV.exists() and not there:
        print(f"setup: .venv is not of Python {version}; making it anew", flush=True)
    if not there:
        run([sys.executable, "-m", "venv", "--clear", str(VENV)], dict(os.environ))
    if not (VENV / f"lib/python{version}/site-packages/pip").is_dir():
        run([str(PYTHON), "-m", "ensurepip"], dict(os.environ))
    run([str(PYTHON), "-m", "pip", "install", "-qq", UV], pip_environment())


def install_locked_packages() -> None:
    """Install `requirements.lock`: by uv, which is quick, or by pip where uv cannot reach the index."""
    arguments = ["install", "--no-deps", "--require-hashes", "--requirement", str(LOCK)]
    print("setup: Python packages", flush=True)
    try:
        watch([*uv(), "pip", *arguments], uv_environment(), "installing Python packages")
    except SetupError:
        print("setup: uv could not; pip tries, which takes longer", flush=True)
        watch([str(PYTHON), "-m", "pip", *arguments], pip_environment(), "installing Python packages")


def llama_folder() -> Path:
    """Where the llama.cpp wheel for this kind of machine is: it uses the processor's own instructions."""
    cpu = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    features = re.search(r"^(?:flags|Features)\s*:\s*(.*)$", cpu, re.MULTILINE)
    kind = f"{LLAMA} {LLAMA_CMAKE_ARGS} {sorted(features[1].split()) if features else cpu}"
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    wheels = Path(os.environ.get("WREN_CACHE_DIR") or cache / "wren") / "wheels"
    system = "-".join([platform.machine(), *platform.libc_ver()])
    return wheels / f"{system}-{hashlib.sha256(kind.encode()).hexdigest()[:12]}"


def install_llama() -> None:
    """Install llama.cpp from its wheel, which is built first where there is none."""
    folder = llama_folder()
    wheel = next(folder.glob("*.whl"), None)
    if wheel is None:
        build_llama(folder)
        wheel = next(folder.glob("*.whl"))
    run([*uv(), "pip", "install", "--quiet", "--no-deps", "--reinstall", str(wheel)], uv_environment())


def build_llama(folder: Path) -> None:
    """Build the wheel; it appears in `folder` when it is complete."""
    print(f"setup: building {LLAMA}, once for this user; about four minutes on two cores", flush=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        requirement = Path(scratch) / "requirement.txt"
        requirement.write_text(f"--no-binary llama-cpp-python\n{LLAMA} --hash=sha256:{LLAMA_SOURCE_SHA256}\n")
        made = Path(scratch) / "made"
        left_out = Path(scratch) / "left_out.cmake"
        left_out.write_text(LLAMA_LEFT_OUT)
        cmake_args = f"{LLAMA_CMAKE_ARGS} -DCMAKE_PROJECT_llama.cpp_INCLUDE={left_out}"
        build = [str(PYTHON), "-m", "pip", "wheel", "--verbose", "--no-cache-dir", "--no-deps"]
        build += ["--wheel-dir", str(made), "--requirement", str(requirement)]
        watch(build, dict(pip_environment(), CMAKE_ARGS=cmake_args), "building llama.cpp")
        shutil.rmtree(folder, ignore_errors=True)
        made.replace(folder)


def uv() -> list[str]:
    """Command prefix of the environment's uv."""
    return [str(VENV / "bin/uv")]


def uv_environment() -> dict[str, str]:
    """Environment in which uv uses the package index that pip is configured for."""
    from models.pip_settings import of_this_machine

    settings = of_this_machine()
    environment = dict(os.environ, VIRTUAL_ENV=str(VENV))
    if settings.index_url:
        environment.setdefault("UV_DEFAULT_INDEX", settings.index_url)
    if settings.certificate_file:
        environment.setdefault("SSL_CERT_FILE", settings.certificate_file)
    return environment


def pip_environment() -> dict[str, str]:
    """Environment for pip, without its advice to upgrade it."""
    return dict(os.environ, PIP_DISABLE_PIP_VERSION_CHECK="1")


def run(command: list[str], environment: dict[str, str]) -> None:
    """Run a command whose own output is what a person wants to see."""
    try:
        status = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, check=False).returncode
    except OSError as error:
        raise SetupError(f"{command[0]} cannot be run ({error.strerror})") from error
    if status:
        raise SetupError(f"`{shlex.join(command[:4])} …` ended with status {status}")


def watch(command: list[str], environment: dict[str, str], label: str) -> None:
    """Run a command that talks too much or too little: show one line of where it is; all of it on failure."""
    started = time.monotonic()
    lines: list[str] = []
    process = subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    reader = threading.Thread(target=lambda: lines.extend(process.stdout or ()), daemon=True)
    reader.start()
    live = sys.stdout.isatty()
    try:
        while reader.is_alive():
            reader.join(0.5 if live else QUIET_LINE_EVERY_S)
            step = next((line for line in reversed(lines) if re.search(r"\[\d+/\d+\]", line)), "")
            count = re.search(r"\[\d+/\d+\]", step)
            text = f"  {label} {count[0] if count else ''} {time.monotonic() - started:.0f} s"
            print(f"\r{text:<60}" if live else text, end="" if live else "\n", flush=True)
        status = process.wait()
    except BaseException:
        process.terminate()
        process.wait()
        raise
    finally:
        if live:
            print()
    if status:
        sys.stderr.writelines(lines[-TAIL_LINES:])
        raise SetupError(f"{label} failed; the last lines above say why")


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        sys.exit(main())
