"""Starts nginx and gunicorn as the image's `serve` does, with its files below a directory.

`sagemaker-containers` writes to ``/etc`` and ``/tmp``, where two servers at once would meet; here
the same configuration, with other paths, lies in the current directory. Runs on the Python of
``.venv-serving``.
"""

import os
from pathlib import Path

from sagemaker_containers.beta.framework import server

_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def main() -> None:
    """Serve until a signal."""
    here = Path.cwd()
    template = Path(server.nginx_config_template_file).read_text().replace("/tmp/", f"{here}/")
    paths = "".join(f"  {name}_temp_path {here}/{name};\n" for name in _TEMPORARY)
    (here / "nginx.conf.template").write_text(template.replace("http {\n", f"http {{\n{paths}", 1))
    server.nginx_config_template_file = str(here / "nginx.conf.template")
    server.nginx_config_file = str(here / "nginx.conf")
    server.UNIX_SOCKET_BIND = f"unix:{here}/gunicorn.sock"
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    server.start("script_mode:main")


if __name__ == "__main__":
    main()
