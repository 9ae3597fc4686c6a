"""Rigs of GLB skins as pictures, and medial skeletons of silhouettes."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from gm_assets.errors import UnreadableFile
from gm_assets.sculpt.cameras import look_at, project
from gm_assets.sculpt.glb import glb_bytes, parse_glb
from gm_assets.sculpt.pose import draw_pose, keypoints, rig_of
from gm_assets.sculpt.rays import Scene
from gm_assets.sculpt.skeleton import medial_skeleton
from gm_assets_tests.sculpt import meshes
from gm_assets_tests.sculpt.shapes import two_parts

#: name, translation from the joint above, the joint above
PERSON: tuple[tuple[str, tuple[float, float, float], int], ...] = (
    ("mixamorig:Hips", (0, 1.0, 0), -1),
    ("mixamorig:Neck", (0, 0.5, 0), 0),
    ("mixamorig:Head", (0, 0.2, 0), 1),
    ("mixamorig:RightArm", (-0.2, -0.05, 0), 1),
    ("mixamorig:RightForeArm", (-0.3, 0, 0), 3),
    ("mixamorig:RightHand", (-0.25, 0, 0), 4),
    ("mixamorig:LeftArm", (0.2, -0.05, 0), 1),
    ("mixamorig:LeftForeArm", (0.3, 0, 0), 6),
    ("mixamorig:LeftHand", (0.25, 0, 0), 7),
    ("mixamorig:RightUpLeg", (-0.1, -0.05, 0), 0),
    ("mixamorig:RightLeg", (0, -0.45, 0), 9),
    ("mixamorig:RightFoot", (0, -0.45, 0), 10),
    ("mixamorig:LeftUpLeg", (0.1, -0.05, 0), 0),
    ("mixamorig:LeftLeg", (0, -0.45, 0), 12),
    ("mixamorig:LeftFoot", (0, -0.45, 0), 13),
)
CAMERA = look_at((0, 1, 5), (0, 1, 0), focal_length=50)


def rigged(joints: tuple[tuple[str, tuple[float, float, float], int], ...]) -> bytes:
    document, binary = meshes.gltf_files(two_parts(), None)
    nodes: list[dict[str, Any]] = document["nodes"]
    for number, (name, place, above) in enumerate(joints, 1):
        nodes.append({"name": name, "translation": list(place)})
        if above >= 0:
            nodes[above + 1].setdefault("children", []).append(number)
        else:
            document["scenes"][0]["nodes"].append(number)
    document["skins"] = [{"joints": list(range(1, len(joints) + 1))}]
    return meshes.glb_of(document, binary)


def test_joints_stand_where_the_nodes_above_them_put_them() -> None:
    rig = rig_of(rigged(PERSON))
    assert rig is not None
    places = dict(zip(rig.names, rig.places.tolist(), strict=True))
    assert places["mixamorig:LeftHand"] == pytest.approx([0.75, 1.45, 0])
    above = {rig.names[number]: rig.names[one] for number, one in enumerate(rig.above) if one >= 0}
    assert above["mixamorig:LeftHand"] == "mixamorig:LeftForeArm"


@pytest.mark.parametrize(
    "rename",
    [
        str,
        lambda name: name.replace("mixamorig:", "").replace("Arm", "UpperArm", 1)
        if name.endswith(("tArm", "tUpLeg"))
        else name.replace("mixamorig:", ""),
        lambda name: {
            "RightArm": "upper_arm.R", "RightForeArm": "forearm.R", "RightHand": "hand.R",
            "LeftArm": "upper_arm.L", "LeftForeArm": "forearm.L", "LeftHand": "hand.L",
            "RightUpLeg": "thigh.R", "RightLeg": "shin.R", "RightFoot": "foot.R",
            "LeftUpLeg": "thigh.L", "LeftLeg": "shin.L", "LeftFoot": "foot.L",
        }.get(name.removeprefix("mixamorig:"), name),
        lambda name: {
            "RightArm": "upperarm_r", "RightForeArm": "lowerarm_r", "RightHand": "hand_r",
            "LeftArm": "upperarm_l", "LeftForeArm": "lowerarm_l", "LeftHand": "hand_l",
            "RightUpLeg": "thigh_r", "RightLeg": "calf_r", "RightFoot": "foot_r",
            "LeftUpLeg": "thigh_l", "LeftLeg": "calf_l", "LeftFoot": "foot_l",
        }.get(name.removeprefix("mixamorig:"), name),
    ],
    ids=["mixamo", "unity", "rigify", "unreal"],
)  # fmt: skip
def test_a_person_is_known_by_the_joint_names_of_common_rigs(rename: Any) -> None:
    rig = rig_of(rigged(tuple((rename(name), place, above) for name, place, above in PERSON)))
    assert rig is not None
    person = keypoints(rig)
    assert set(person) == set(range(14))
    assert person[4] == pytest.approx([-0.75, 1.45, 0]), "the right wrist"
    assert person[7] == pytest.approx([0.75, 1.45, 0]), "the left wrist"
    assert person[1] == pytest.approx([0, 1.45, 0]), "between the shoulders"


def test_joints_are_drawn_where_the_camera_sees_them_in_the_colours_of_openpose() -> None:
    rig = rig_of(rigged(PERSON))
    assert rig is not None
    picture = draw_pose(rig, CAMERA, 256, 256)
    for number, place in keypoints(rig).items():
        (x, y), _ = (one[0] for one in project(CAMERA, place[None], 256, 256))
        colour = picture[int(y), int(x)].astype(int)
        hue = np.array([[255, 0, 0], [255, 85, 0]][number]) if number < 2 else None
        assert colour.max() > 200, number
        if hue is not None:
            assert np.abs(colour - hue).max() <= 40
    assert (draw_pose(rig, CAMERA, 256, 256) == picture).all()


def test_any_other_rig_is_drawn_bone_by_bone() -> None:
    tail = tuple((f"tail{number}", (0.0, 0.2, 0.0), number - 1) for number in range(6))
    rig = rig_of(rigged(tail))
    assert rig is not None and not keypoints(rig)
    drawn = draw_pose(rig, CAMERA, 128, 128).any(axis=2)
    assert drawn.any() and ndimage.label(drawn)[1] == 1


def test_what_lies_behind_the_camera_is_not_drawn() -> None:
    rig = rig_of(rigged(PERSON))
    assert rig is not None
    away = look_at((0, 1, 5), (0, 1, 10))
    assert not draw_pose(rig, away, 64, 64).any()


def test_files_without_a_rig_have_none() -> None:
    assert rig_of(glb_bytes(two_parts())) is None
    assert rig_of(meshes.obj_text(two_parts())) is None


def held(weights: np.ndarray, joints: np.ndarray, **node: Any) -> bytes:
    """A figure of two parts whose vertices hang on the joints of a person."""
    data = rigged(PERSON)
    length = int.from_bytes(data[12:16], "little")
    document = json.loads(data[20 : 20 + length])
    binary = data[28 + length :]
    document["nodes"][0] |= {"skin": 0, **node}
    for kind, component, values in (
        ("WEIGHTS_0", 5126, weights.astype("<f4")),
        ("JOINTS_0", 5123, joints.astype("<u2")),
    ):
        document["bufferViews"].append(
            {"buffer": 0, "byteOffset": len(binary), "byteLength": values.nbytes}
        )
        document["accessors"].append(
            {
                "bufferView": len(document["bufferViews"]) - 1,
                "componentType": component,
                "count": len(values),
                "type": "VEC4",
            }
        )
        primitive = document["meshes"][0]["primitives"][0]
        primitive["attributes"][kind] = len(document["accessors"]) - 1
        binary += values.tobytes()
    document["buffers"][0]["byteLength"] = len(binary)
    return meshes.glb_of(document, binary)


def test_a_skinned_mesh_stands_where_its_joints_hold_it_whatever_its_node_says() -> None:
    count = sum(len(part.vertices) for part in two_parts().parts)
    weights, joints = np.zeros((count, 4)), np.zeros((count, 4), int)
    weights[:, 0], weights[:, 1] = 0.75, 0.25
    joints[:, 1] = 8  # the left hand, at (0.75, 1.45, 0); the hips are at (0, 1, 0)
    weights[-1] = 0  # a loose vertex hangs on the first joint of its four
    sculpt = parse_glb(held(weights, joints, scale=[100, 100, 100]))
    moved = np.concatenate([part.vertices for part in sculpt.parts])
    plain, _ = meshes.joined(two_parts())
    shift = np.array([0, 1, 0]) * 0.75 + np.array([0.75, 1.45, 0]) * 0.25
    assert np.allclose(moved[:-1], plain[:-1] + shift, atol=1e-5)
    assert np.allclose(moved[-1], plain[-1] + [0, 1, 0], atol=1e-5)


def test_a_vertex_on_a_joint_that_is_not_there_is_refused() -> None:
    count = sum(len(part.vertices) for part in two_parts().parts)
    with pytest.raises(UnreadableFile, match="joint"):
        parse_glb(held(np.ones((count, 4)), np.full((count, 4), 99)))
    with pytest.raises(UnreadableFile, match="each vertex"):
        parse_glb(held(np.ones((4, 4)), np.zeros((4, 4))))


def test_a_damaged_skin_is_refused() -> None:
    document, binary = meshes.gltf_files(two_parts(), None)
    document["skins"] = [{"joints": "all"}]
    with pytest.raises(UnreadableFile, match="joints"):
        rig_of(meshes.glb_of(document, binary))


def test_a_medial_skeleton_is_thin_within_the_silhouette_and_whole() -> None:
    scene = Scene(two_parts())
    silhouette = scene.silhouette(look_at((0, 1, 5), (0, 1, 0)), 128, 128)
    skeleton = medial_skeleton(silhouette)
    assert skeleton.any() and not (skeleton & ~silhouette).any()
    assert skeleton.sum() < silhouette.sum() / 20
    connected = np.ones((3, 3))
    assert ndimage.label(skeleton, connected)[1] == ndimage.label(silhouette, connected)[1]


def test_a_subject_that_the_picture_cuts_keeps_its_skeleton() -> None:
    band = np.zeros((40, 40), bool)
    band[:, 15:25] = True
    skeleton = medial_skeleton(band)
    assert skeleton.any(axis=1).mean() > 0.6
    assert not medial_skeleton(np.zeros((8, 8), bool)).any()
