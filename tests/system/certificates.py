"""Certificates of an authority of its own, made by openssl: elliptic keys, which take milliseconds.

    authority = Authority(directory, "tests")
    certificate, key = authority.issue("alice", groups=["admins"])
    certificate, key = authority.issue("server", names=["IP:127.0.0.1"], seconds=30)
"""

import datetime
import itertools
import subprocess

DAY = 24 * 3600
EARLIER = 3600  # valid from an hour ago: what was issued to have expired has been valid
CURVE = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]

SETTINGS = """
[ca]
database = {directory}/index
new_certs_dir = {directory}
certificate = {directory}/ca.crt
private_key = {directory}/ca.key
default_md = sha256
rand_serial = yes
unique_subject = no
policy = any
copy_extensions = copy
[any]
commonName = supplied
organizationName = optional
"""


def openssl(*words):
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, text=True)


def moment(seconds):
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return at.strftime("%Y%m%d%H%M%SZ")


class Authority:
    def __init__(self, directory, name):
        directory.mkdir()
        self.directory = directory
        self.certificate = directory / "ca.crt"
        self.numbers = itertools.count(1)
        self.settings = directory / "settings"
        self.settings.write_text(SETTINGS.format(directory=directory))
        (directory / "index").touch()
        words = ["-x509", *CURVE, "-days", 2, "-subj", f"/CN={name}", "-out", self.certificate]
        openssl("req", *words, "-keyout", directory / "ca.key")

    def issue(self, name, groups=(), names=(), seconds=DAY):
        """Files: certificate, key. names: of a server, as openssl's subjectAltName. seconds: until it
        expires; what is below zero has expired already."""
        stem = self.directory / f"{name}-{next(self.numbers)}"
        certificate, key, request = (stem.with_suffix(end) for end in [".crt", ".key", ".csr"])
        subject = "".join(f"/O={group}" for group in groups) + f"/CN={name}"
        extensions = ["-addext", f"subjectAltName={','.join(names)}"] if names else []
        openssl("req", "-new", *CURVE, "-subj", subject, *extensions, "-keyout", key, "-out", request)
        validity = ["-startdate", moment(-EARLIER), "-enddate", moment(seconds)]
        words = ["-config", self.settings, "-batch", "-notext", *validity]
        openssl("ca", "-name", "ca", *words, "-in", request, "-out", certificate)
        return certificate, key
