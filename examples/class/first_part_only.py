# TODO 1 to 4 solved, the rest left alone.

# %% solution_todo1
def train_attention_only(model):
    wanted = ("h.10.attn.c_attn.", "h.11.attn.c_attn.", "score.")
    for name, parameter in model.named_parameters():
        parameter.requires_grad = any(part in name for part in wanted)

# %% solution_todo2_3
def attach_lora(layer, r, lora_alpha, in_features, out_features):
    layer.lora_A = nn.Parameter(torch.ones(r, in_features))
    layer.lora_B = nn.Parameter(torch.ones(out_features, r))

    def hook(module, input, output):
        output += input[0] @ layer.lora_A.T @ layer.lora_B.T * (lora_alpha / r)

    return hook

# %% solution_todo4
def attach_lora(layer, r, lora_alpha, in_features, out_features):
    layer.lora_A = nn.Parameter(nn.init.kaiming_uniform_(torch.empty(r, in_features), a=math.sqrt(5)))
    layer.lora_B = nn.Parameter(torch.zeros(out_features, r))

    def hook(module, input, output):
        output += input[0] @ layer.lora_A.T @ layer.lora_B.T * (lora_alpha / r)

    return hook
