"""A simulated Docker daemon that the docker command, its SDKs and any other client of the Engine API talk to.

    $ snapsim serve --driver devicemapper --images course
    $ docker -H unix:///run/user/1000/snapsim.sock info | grep Storage

Read in this order: `releases` (versions), `daemon` (what it has: an engine, images to pull, processes, bills),
`processes` and `programs` (what runs in a container), `shapes/` (JSON), `routes/` (each endpoint in a few lines),
`hijack` (attach and exec take over a connection), `app` and `server` (HTTP, sockets). The engine itself is in
`snapsim.docker`.

What does not live here: the rules of images, containers and layers (`docker`), what a shell does (`shell`), and the
pictures (`show`). It needs aiohttp: ``pip install "snapsim[serve]"``.
"""
