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
# # 블록 하나, 스냅샷 하나, 청구서 하나
#
# *데이터베이스를 멈추지 않고 백업한다. 백업은 한 시간이 걸리고, 그동안에도 데이터베이스는 계속 쓴다. 어떻게 백업은 한 시점의 데이터를 볼 수
# 있으며, 데이터베이스는 그 대가로 무엇을 치르는가?*
#
# 답은 **스냅샷**, 곧 어느 한 시점의 볼륨의 모습이다. 아무것도 복사하지 않으므로 스냅샷은 눈 깜짝할 사이에 만들어진다. 청구서는 나중에 블록마다 하나씩
# 날아오고, 누가 그것을 내는지는 메커니즘에 따라 다르다.
#
# 소요 시간: 30~45분. 이 노트북만 있으면 된다. 어느 셀이든 고쳐서 다시 실행할 수 있다.

# %%
from snapsim import ExceptionStore, FullCopy, ThinVolume, plot, recording
from snapsim.course.notebooks import Sheet, cost, explore, first_write, problem, story

# %% [markdown]
# ## 1. 약속
#
# 볼륨은 블록이 한 줄로 늘어선 것이다. 한 번 쓸 때마다 블록은 새 내용을 갖는다. 여기서 내용은 다른 어떤 쓰기에도 없는 숫자, 곧 **스탬프**일 뿐이다.
# 두 블록이 같은지 알아보는 데는 그것으로 충분하다.

# %%
volume = ExceptionStore.new(8, store="N")
volume.write(slice(0, 8))
snapshot = volume.snapshot()
volume.write(3)
volume.read(3) == snapshot.read(3), volume.read(4) == snapshot.read(4)

# %% [markdown]
# 이제 3번 블록은 다르고 4번 블록은 같다. 스냅샷은 그때 있던 것을 간직한다. **볼륨에 무엇을 쓰든 스냅샷을 읽으면 언제나 같은 것이 나온다.** 이것이
# 약속이며, 이 강의에 나오는 모든 메커니즘이 이 약속을 지킨다.

# %% [markdown]
# ## 2. 첫 번째 쓰기의 청구서
#
# *셀을 실행하기 전에 예측해 보라.* 4 KiB 블록 하나를 한 번 덮어쓴다. 디스크에는 읽기와 쓰기가 각각 몇 번 도달하는가?
#
# * 옛 블록을 먼저 다른 곳에 **복사**해 두고 제자리에 덮어쓴다면(*쓰기 시 복사*, copy-on-write)?
# * 새 블록을 다른 곳에 쓰고 포인터를 **재지정**한다면(*쓰기 시 재지정*, redirect-on-write)?

# %%
pair = {"copy-on-write": ExceptionStore.new(8, store="N"), "redirect-on-write": ThinVolume.new(8, chunk_size=4096)}
for volume in pair.values():
    volume.write(slice(0, 8))
    volume.snapshot()

# %%
for name, volume in pair.items():
    print(f"{name:18} {cost(volume.write, 3)}")

# %% [markdown]
# 쓰기 시 복사는 **읽기 1번과 쓰기 2번**, 쓰기 시 재지정은 **쓰기 1번**이다. 괄호 안의 두 수는 (요청 수, 바이트 수)이고, 모든 입출력에는 목적이 있다.
# `data`는 사용자가 요청한 것이고, `copy`는 블록을 공유하고 있었기 때문에 옮겨야 했던 것이다.
#
# 같은 것을 그림으로, 쓰기 전과 후를 나란히 보자. 회색 선은 볼륨이나 스냅샷이 블록을 어디서 읽는지를 나타낸다.

# %%
plot.block_map(*story("exception-store")).figure

# %%
plot.block_map(*story("thin-pool")).figure

# %% [markdown]
# 첫째 그림에서 볼륨의 줄은 여전히 곧장 아래를 가리킨다. 제자리에 덮어썼으므로 다른 곳을 읽는 쪽은 스냅샷이다. 둘째 그림에서는 반대다. (`cow0`의 처음 두
# 블록은 무엇을 복사했는지 적는 목록의 자리다. 다음 장에서 열어 본다.)
#
# ## 3. 같은 블록에 두 번째로 쓰기
#
# *예측:* 같은 블록을 한 번 더 쓴다.

# %%
for name, volume in pair.items():
    print(f"{name:18} {cost(volume.write, 3)}")

# %% [markdown]
# 둘 다 쓰기 1번이다. 옛 내용은 이미 안전하므로 옮길 것이 없다. 스냅샷의 비용은 블록을 **처음 건드릴 때** 든다. 그래서 데이터베이스는 스냅샷 직후에
# 느려졌다가, 자주 쓰는 블록들을 한 번씩 건드리고 나면 회복된다.
#
# ## 4. 스냅샷 세 개
#
# *예측:* 스냅샷을 두 개 더 만든 뒤 3번 블록을 한 번 더 쓴다. 청구서는 스냅샷의 수만큼 늘어나는가?

# %%
for name, volume in pair.items():
    volume.snapshot(), volume.snapshot()
    print(f"{name:18} {cost(volume.write, 3)}")

# %% [markdown]
# dm-snapshot에서는 스냅샷마다 자기만의 **예외 저장소**가 있으므로, 옛 블록을 스냅샷마다 한 번씩 복사한다. 씬 풀은 볼륨마다 매핑 하나를, 블록마다 사본
# 하나를 둔다. 스냅샷이 몇 개인지는 비용에 영향을 주지 않는다.
#
# 이제 직접 바꾸어 보라. *슬라이더를 움직이기 전에, 어느 막대가 길어질지 말해 보라.* `blocks`개의 블록을 한 요청으로 쓴다. `chunk_kib`는 공유의 단위이며
# 7절에서 설명한다. 셋째 막대는 스냅샷을 만들 때 이미 모두 복사해 둔 경우다.

# %%
explore(first_write, snapshots=(0, 8), blocks=(1, 64), chunk_kib=[4, 16, 64, 128])

# %% [markdown]
# ## 5. 삭제하면 무엇이 비는가
#
# *예측:* 스냅샷을 하나 더 만들고, 5번 블록을 쓰고, 그 가장 새로운 스냅샷을 삭제한다. 몇 바이트가 다시 비며, 그러기 위해 몇 바이트를 옮겨야 하는가?

# %%
for name, volume in pair.items():
    newest = volume.snapshot()
    volume.write(5)
    alone, moved = newest.usage().exclusive, cost(newest.delete)
    print(f"{name:18} frees {alone} bytes; data moved: {moved.bytes(purpose='data') + moved.bytes(purpose='copy')}")

# %% [markdown]
# 아무것도 옮기지 않는다. 비는 것은 **다른 누구도 갖고 있지 않은 것**이다. 예외 저장소는 저마다 자기 사본을 가지므로, 하나를 삭제하면 언제나 그 사본만큼
# 빈다. 씬 풀에서는 더 오래된 스냅샷들이 바로 그 옛 5번 블록을 갖고 있으므로 비는 것이 없다.
#
# ## 6. 탐색(seek)이 되어 버린 읽기
#
# 그렇다면 재지정이 언제나 더 나은가? 블록들이 지금 어디에 놓여 있는지 보자. *예측:* 2, 3, 4번 블록은 볼륨에서 이웃이다. 이들을 읽는 데 요청이 몇 번 필요한가?

# %%
for name, volume in pair.items():
    with recording(*volume.devices) as requests:
        volume.read(slice(2, 5))
    print(f"{name:18}", [f"{io.device} block {io.first}, {io.length} long" for io in requests])

# %% [markdown]
# 쓰기 시 복사는 볼륨의 순서를 그대로 두었다. 요청 하나면 된다. 쓰기 시 재지정은 볼륨을 흩어 놓았다. 회전하는 디스크에서는 조각 하나하나가 몇 밀리초짜리
# 탐색이다. 한 메커니즘은 *쓰기*를, 다른 메커니즘은 *읽기*를 비싸게 만든다.
#
# ## 7. 청크: 재지정도 복사를 할 때
#
# 실제 풀은 4 KiB 블록이 아니라 **청크**를 공유한다. dm-thin은 64 KiB, ZFS는 128 KiB 레코드다. *예측:* 공유된 64 KiB 청크에 4 KiB를 쓸 때의 청구서와,
# 청크 전체를 덮는 64 KiB를 쓸 때의 청구서는 각각 어떠한가?

# %%
pool = ThinVolume.new(64, chunk_size=65536)
pool.write(slice(0, 64))
pool.snapshot()
print("4 KiB of a shared chunk", cost(pool.write, 0))
print("a whole shared chunk   ", cost(pool.write, slice(16, 32)))

# %% [markdown]
# 공유된 청크의 일부만 덮는 쓰기에는 나머지도 필요하다. 그래서 나머지를 읽어 함께 쓴다(`copy`). 청크 전체를 쓰면 나머지가 없다. "쓰기 시 재지정은 절대
# 복사하지 않는다"는 말은 청크 전체를 쓸 때만 옳다.
#
# ## 8. 세 번째 방법: 한꺼번에 모두 복사하기
#
# *예측:* 스냅샷을 만들 때의 청구서와, 그 뒤 첫 번째 쓰기의 청구서는?

# %%
full = FullCopy.new(8)
print("taking the snapshot", cost(full.snapshot))
print("the first write    ", cost(full.write, 0))

# %% [markdown]
# 스냅샷을 만드는 일 자체가 모든 블록의 값을 치른다. 그 블록들이 언젠가 바뀌든 바뀌지 않든 상관없다. 그 뒤로는 아무것도 공유하지 않는다.
#
# ## 문제
#
# `None`을 모두 여러분의 답으로 바꾸고 셀을 실행하라. 바로 채점되며, 마지막 답이 유효하다. 먼저 종이에 풀어 보라. 두 셀의 7을 다른 수(이를테면 학번)로
# 바꾸면 같은 종류의 다른 문제가 나온다. 문제의 글은 영어로 나온다.
#
# **1.** 쓰기의 수를 세어라.

# %%
sheet = Sheet()
problem("writes", 7)

# %%
sheet.answer("writes", 7, 1, "state", a=None, b=None, c=None, d=None, e=None)

# %% [markdown]
# **2.** 스냅샷이 두 개일 때.

# %%
problem("writes", 7, level=2)

# %%
sheet.answer("writes", 7, 2, "state", a=None, b=None, c=None, d=None, e=None)

# %% [markdown]
# **3.** 다른 사람의 풀이다. 틀린 줄의 글자와 옳은 값을 답하라.

# %%
problem("writes", 8, direction="mistake")

# %%
sheet.answer("writes", 8, 1, "mistake", a=None, b=None)

# %%
sheet
