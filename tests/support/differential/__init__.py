"""The differential harness: the same calls on the running kernel and on the model, and what differs.

`calls` draws sequences, `worker` is the process that carries them out on the kernel, `model` carries them out here,
`comparison` says what differs, `search` looks for it in many sequences.
"""
