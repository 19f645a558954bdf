# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of things that are not faces, or of faces that cannot speak: none of them may be lip-synced."""

from backend.retarget.detect import RigNames

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def shapes(text):
    return RigNames(shapes=tuple(text.split()))


def bones(text):
    return RigNames(bones=tuple(text.split()))


NOT_FACES = {
    "robot with emotions": shapes("Angry Surprised Sad"),
    "robot arm": RigNames(("grip_open", "grip_close"), ("base", "arm.001", "arm.002", "wrist", "jaw.L", "jaw.R")),
    "gripper with jaws": shapes("jawOpen jawLeft jawRight base_turn arm_lift wrist_roll"),
    "vice": shapes("jaw_open screw_turn handle_spin anvil_scale"),
    "vice with bones": bones("Frame Screw Handle Jaw"),
    "excavator": bones("Chassis Boom Stick Bucket Jaw Turret Track.L Track.R"),
    "crane clamp": RigNames(("Jaw_Open", "cable_slack", "hook_swing"), ("cable", "hook")),
    "pliers": bones("handle.L handle.R lower_jaw pivot"),
    "cloth in the wind": shapes("wind_left wind_right open_front Close roll_upper roll_lower"),
    "cloth cuts": shapes("Open Tight Wide Loose Long Short"),
    "curtain": shapes("curtainOpen curtainClosed pleats Left Right"),
    "skirt": bones("skirt_front skirt_back skirt.L skirt.R hem hem.001"),
    "bag": shapes("mouth_open handle_up strap_long zip_close"),
    "bottle": shapes("mouthOpen neck_long base_wide cap_off"),
    "jug": shapes("lip_out body_round handle_size mouth_open"),
    "cave": shapes("mouthOpen stalactites water_level rubble"),
    "river": shapes("mouth_open delta_wide bend_left bend_right"),
    "hand": shapes("fist point_index spread thumb_L thumb_R grip"),
    "hand with bones": bones("wrist thumb.01 thumb.02 index.01 middle.01 ring.01 pinky.01"),
    "body morphs": shapes("Body_Fat Body_Thin Muscle_L Muscle_R Breast_Up Jaw_Width Mouth_Size Lips_Thick"),
    "face proportions": shapes("jaw_forward jaw_width mouth_left mouth_right eye_size nose_long chin_up"),
    "body of one letter": shapes("A E fat thin tall"),
    "alphabet": shapes(" ".join(LETTERS)),
    "keyboard": RigNames((*LETTERS, "Space", "Enter", "Shift_L", "Shift_R", "Esc")),
    "keyboard in small letters": RigNames(tuple(LETTERS.lower())),
    "keys behind a node": RigNames(tuple(f"Keys.{letter}" for letter in LETTERS)),
    "kana keyboard": RigNames(tuple("あいうえおかきくけこさしすせそたちつてと")),
    "grades": shapes("A B C D E F pass fail"),
    "notes": shapes("A B C D E F G H sharp flat"),
    "letters as parameters": RigNames(properties=("a", "e", "i", "o", "u", "epoch")),
    "blocks": shapes("A B C D E F G H I J K L O U"),
    "car": shapes("door_L door_R hood_open trunk_open wheel_left lights_on"),
    "car with bones": bones("body wheel.FL wheel.FR wheel.BL wheel.BR door.L door.R steering"),
    "building": shapes("window_open door_open roof_up chimney"),
    "tree": shapes("sway_left sway_right leaves_fall trunk_thick"),
    "flower": shapes("bloom petals_close stem_bend leaf_L leaf_R"),
    "shoe": shapes("tongue_out laces_tight sole_bend heel_up"),
    "unnamed": RigNames(tuple(f"Key {number}" for number in range(1, 31))),
    "correctives": shapes("notjawopen jawOpenCorrective fixMouthClose elbow_fix"),
    "eyes only": shapes("eyeBlink_L eyeBlink_R eyeLookUpLeft browInnerUp"),
    "smiles only": shapes("mouthSmileLeft mouthSmile_R cheekPuff"),
    "closing only": shapes("mouthClose mouthPressLeft mouthPressRight"),
    "closed visemes": shapes("viseme_PP viseme_sil"),
    "four of a viseme set": shapes("PP FF TH DD"),
    "chess": shapes("K Q R B N P"),
    "chemistry": shapes("CH SS NN OH HH"),
    "a body without a jaw": bones("hips spine chest neck head shoulder.L shoulder.R upper_arm.L upper_arm.R thigh.L"),
    "deform bones": bones("DEF-jaw ORG-jaw MCH-jaw_master DEF-spine"),
    "prefixed vowels of a synthesiser": shapes("osc_A osc_E osc_I osc_O osc_U filter_cutoff"),
    "empty names": RigNames(("", "_", ".001", "   "), ("",), ("",)),
    "long names": RigNames(("x" * 100_000, "_" * 5000)),
    "nothing": RigNames(),
    "only a basis": shapes("Basis"),
}
