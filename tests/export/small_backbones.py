"""Small models of klue/roberta-base's shape: a RoBERTa body under a BERT WordPiece tokenizer whose
padding id is 1, in the many ways in which people save such a thing.
"""

import json

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from torch import nn

EMOTIONS = ("joy", "sadness", "anger", "fear", "surprise", "disgust", "trust", "calm")
CUTS = (0.5, 0.4, 0.6, 0.35, 0.45, 0.55, 0.3, 0.65)
# klue/roberta-base: [CLS] 0, [PAD] 1, [SEP] 2, [UNK] 3, [MASK] 4.
SPECIAL = ("[CLS]", "[PAD]", "[SEP]", "[UNK]", "[MASK]")
WORDS = ("the", "day", "was", "good", "bad", "not", "very", "오늘", "정말", "행복", "하루", "##해")
LETTERS = "abcdefghijklmnopqrstuvwxyz"
WIDTH = 32


def tokenizer():
    from transformers import PreTrainedTokenizerFast

    pieces = [*SPECIAL, *WORDS, *LETTERS, *(f"##{c}" for c in LETTERS), *"0123456789.,!?'"]
    fast = Tokenizer(
        models.WordPiece({piece: at for at, piece in enumerate(pieces)}, unk_token=SPECIAL[3])
    )
    fast.normalizer = normalizers.BertNormalizer(lowercase=True, strip_accents=False)
    fast.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    fast.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 0), ("[SEP]", 2)]
    )
    fast.add_special_tokens([*SPECIAL])
    names = ("cls", "pad", "sep", "unk", "mask")
    named = {f"{name}_token": token for name, token in zip(names, SPECIAL, strict=True)}
    return PreTrainedTokenizerFast(tokenizer_object=fast, model_max_length=64, **named)


class Emotion8(nn.Module):
    """The class of a tutorial: the first token's row, dropout, one linear layer."""

    def __init__(self, backbone, outputs=8):
        super().__init__()
        self.backbone = backbone
        self.dropout = nn.Dropout(0.1)
        self.head = nn.Linear(WIDTH, outputs)

    def forward(self, input_ids, attention_mask):
        rows = self.backbone(input_ids=input_ids, attention_mask=attention_mask)
        return self.head(self.dropout(rows.last_hidden_state[:, 0]))


def roberta(seed=11, **more):
    from transformers import RobertaConfig, RobertaModel

    config = RobertaConfig(
        vocab_size=len(tokenizer()),
        hidden_size=WIDTH,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        initializer_range=0.2,
        max_position_embeddings=66,
        type_vocab_size=1,
        pad_token_id=1,
        bos_token_id=0,
        eos_token_id=2,
        **more,
    )
    torch.manual_seed(seed)
    return RobertaModel(config).eval()


def emotion8(outputs=8):
    """A model whose logits span about -5 to 5: near 0 every error looks small."""
    made = Emotion8(roberta(), outputs).eval()
    ids = torch.randint(5, len(tokenizer()), (32, 20), generator=torch.Generator().manual_seed(7))
    with torch.no_grad():
        made.head.bias.zero_()
        logits = made(ids, torch.ones_like(ids))
        scale = 2.5 / logits.std(0)
        made.head.weight.mul_(scale.unsqueeze(1))
        made.head.bias.copy_(-(logits * scale).mean(0))
    return made


def save_backbone(folder, model, *, weights=False):
    """A backbone's folder: config and tokenizer, and weights where they are asked for."""
    folder.mkdir(parents=True, exist_ok=True)
    (model.save_pretrained if weights else model.config.save_pretrained)(folder)
    tokenizer().save_pretrained(folder)
    return folder


def save_labels(folder, labels=EMOTIONS):
    (folder / "labels.json").write_text(json.dumps([*labels]), encoding="utf-8")


def source_logits(model, texts):
    """As the tutorial runs it: padded to the longest of the batch, with a mask."""
    encoded = tokenizer()([*texts], return_tensors="pt", padding=True, truncation=True)
    with torch.inference_mode():
        return model(encoded["input_ids"], encoded["attention_mask"]).numpy()
