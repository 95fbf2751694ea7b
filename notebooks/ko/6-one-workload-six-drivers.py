# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 워크로드 하나, 드라이버 여섯, 그리고 실제 호스트
#
# *컨테이너가 이미지에 들어 있던 64 MiB짜리 로그 파일에 한 줄을 덧붙인다. 디스크에는 64 MiB를 썼다고 나온다. 다른 호스트의 동료가 똑같이 했더니
# 100 KiB라고 한다. 누가 옳은가?*
#
# 둘 다 옳다. Docker는 **스토리지 드라이버**로 레이어를 보관하는데, 드라이버마다 공유하는 단위가 다르다. 파일 전체, 64 KiB 청크, 128 KiB 레코드, 블록
# 하나, 아니면 아무것도 공유하지 않는다.
#
# 이 가운데 둘은 Docker에서 이미 사라졌다. aufs는 Docker Engine 24.0에서, devicemapper는 25.0에서 제거되었다. 그래도 배울
# 가치는 있다. 이미지와 fuse-overlayfs는 지워진 파일을 지금도 aufs의 방식으로 적고, LVM의 씬 볼륨도 씬 풀 위에 있다.
#
# 소요 시간: 30~45분.

# %%
from snapsim import compare, generate, load_host, parse, plot
from snapsim.course.notebooks import SIX, Sheet, explore, growing, one_write, problem
from snapsim.hosts.host import status_block
from snapsim.show.tables import hosts as host_tables
from snapsim.show.tables import runs

# %% [markdown]
# ## 1. 1바이트
#
# 64 MiB 파일 하나가 든 이미지, 컨테이너 하나, 그리고 파일 한가운데의 1바이트를 바꾼다. 드라이버마다 얼마를 쓰는지 *예측해 보라.* 그 바이트가 든 4 KiB
# 블록(`data`)과, 함께 옮겨지는 것(`copy`)을 나누어 생각하라.
#
# | 드라이버 | 공유 단위 | 여러분의 예측 |
# |---|---|---|
# | overlay2, aufs | 파일 | |
# | devicemapper | 64 KiB 풀 블록 | |
# | btrfs | 익스텐트(블록 단위) | |
# | zfs | 128 KiB 레코드 | |
# | vfs | 없음 | |

# %%
one_byte = parse(
    {
        "id": "one-byte",
        "title": "1 byte in the middle of 64 MiB",
        "layers": [[{"path": "f", "size": 67108864}]],
        "ops": [{"op": "write", "path": "f", "offsets": [33554432], "length": 1}],
    }
)
result = compare(one_byte, SIX)
runs.bill(result, one_byte)

# %% [markdown]
# overlay2와 aufs는 **파일** 전체를 공유하므로 파일을 통째로 카피업한다. devicemapper는 64 KiB **풀 블록**을 공유한다. ZFS는 128 KiB **레코드**를
# 공유하며 레코드 하나를 다시 쓴다. btrfs는 **익스텐트**를 공유하며 그 블록만 쓴다. vfs는 아무것도 공유하지 않는다. 컨테이너를 만들 때 모두 복사해 두었으므로
# 쓰기 자체는 싸다.
#
# *other* 열은 메타데이터다. 저널, 아이노드, 트리가 여기에 든다. btrfs에서는 데이터의 몇 배나 된다. 까닭은 4장에서 보았다.
#
# `ext4-plain`은 드라이버가 아니라, 다른 것들을 견주는 기준이 되는 **이상적인 경우**다.

# %%
plot.cost_bars(result).figure

# %% [markdown]
# ## 2. 청구서는 무엇에 달려 있는가?
#
# *슬라이더를 움직이기 전에 예측해 보라.* 파일의 크기, 한 번에 쓰는 크기, 쓰기의 횟수(모두 임의의 위치에 쓰고 마지막에 한 번 동기화한다)에 따라 각각 어느
# 막대가 길어지는가?

# %%
explore(one_write, file_mib=(1, 128), write_kib=[4, 16, 64, 256], writes=(1, 200))

# %% [markdown]
# overlay2와 aufs의 막대는 파일의 크기를 따르고 쓰기는 거의 따르지 않는다. 나머지는 쓰기를 따르고 파일은 따르지 않는다. 그러니 어느 쪽에나 유리한 워크로드가
# 있다. *예측:* 4 KiB를 한 번 쓸 때, 파일이 얼마나 커지면 overlay2가 btrfs에 지는가?

# %%
explore(growing, write_kib=[4, 16, 64, 256])

# %% [markdown]
# overlay2와 btrfs의 곡선은 64 KiB와 256 KiB 사이에서 만난다. 그때까지는 복사하는 파일이 btrfs의 트리 경로보다 작다. 이미지에 든 파일은 대부분
# 그만큼 작다. 볼륨에 두어야 할 것은 몇 안 되는 큰 파일, 곧 데이터베이스와 로그다.
#
# ## 3. reflink가 있으면
#
# XFS는 파일을 클론할 수 있다. 두 파일은 어느 하나에 쓰기 전까지 블록을 공유한다. XFS 위에서 overlay2가 카피업하는 양을 *예측해 보라.*

# %%
runs.bill(compare(one_byte, ["overlay2-ext4", "overlay2-xfs", "vfs-ext4", "vfs-xfs"]), one_byte)

# %% [markdown]
# 없다. 카피업은 그대로 일어나지만 포인터만 복사한다. 같은 드라이버, 같은 Docker인데 그 아래의 파일 시스템이 다를 뿐이다.
#
# ## 4. 평범한 하루
#
# `snapsim compare`가 실행하는 워크로드다. 데이터베이스 파일, 설정, 새 파일, 삭제, 그리고 같은 파일을 읽는 두 컨테이너가 나온다. 가장 싼 드라이버와 가장 비싼
# 드라이버를 *예측해 보라.*

# %%
day = [generate("demo")]
result = compare(day, SIX)
runs.bill(result, day)

# %% [markdown]
# *cache* 열을 보라. overlay2와 aufs에서는 두 컨테이너가 한 파일을 읽으므로 메모리에 사본이 하나만 있다. devicemapper, btrfs, vfs에서는 컨테이너마다
# 자기 파일이 있다. 호스트의 메모리에 컨테이너가 몇 개 들어가는지는 이 차이가 정한다. 가장 좋은 드라이버란 없다. 워크로드가 있을 뿐이다.
#
# ## 5. 실제 호스트와 나란히
#
# 다음은 실제 Docker 데몬에서 얻은 기록이다. 데몬마다 자기 나름의 이미지와 컨테이너를 만든 뒤에 기록했다. 실제 드라이버가 스스로에 대해 말하는 것과 시뮬레이션한
# 드라이버가 말하는 것을 견주어 보라. *예측:* `docker info`의 항목 가운데 시뮬레이터가 알 수 있는 것과 알 수 없는 것은 무엇인가?

# %%
host = load_host("devicemapper")
print(status_block(host))

# %%
host_tables.hosts([host], result, in_detail=True)

# %% [markdown]
# 두 열의 숫자는 서로 다른 워크로드에서 나온 것이다. 항목과 그 순서와 형식은 같다.
#
# ## 문제
#
# `None`을 답으로 바꾸고 셀을 실행하라. 문제의 글은 영어로 나온다.
#
# **1.** 여기서는 어느 드라이버가 가장 싼가? (크기는 KiB 단위의 정수로, 마지막 답은 드라이버의 이름으로.)

# %%
sheet = Sheet()
problem("cheapest", 7)

# %%
sheet.answer("cheapest", 7, 1, "state", a=None, b=None, c=None, d=None, e=None)

# %% [markdown]
# **2.** 몇 군데는 두 번 쓴다. 무엇이 달라지는가?

# %%
problem("cheapest", 7, level=2)

# %%
sheet.answer("cheapest", 7, 2, "state", a=None, b=None, c=None, d=None, e=None)

# %% [markdown]
# **3.** 누가 페이지 캐시를 함께 쓰는가?

# %%
problem("page-cache", 7)

# %%
sheet.answer("page-cache", 7, 1, "state", a=None, b=None, c=None)

# %%
sheet

# %% [markdown]
# **더 해 보기:** overlay2에서 `chmod`는 비싸다. 아래의 `ops`를 바꾸어 overlay2가 btrfs보다 *적게* 쓰게 해 보라. 그런 워크로드가 있으며, 드물지도 않다.
# (`docs/reference/workload.md`에 연산의 목록이 있다.)

# %%
yours = parse(
    {"id": "yours", "layers": [[{"path": "f", "size": 67108864}]], "ops": [{"op": "chmod", "path": "f", "mode": 0o600}]}
)
runs.bill(compare(yours, SIX), yours)
